/** That a test hears of what a browser complains about: each kind is planted here once. */
import { expect, test } from '../support/test';
import { watch } from '../support/watch';

const planted: [fault: string, plant: () => void, heard: RegExp][] = [
  [
    'a style that the content policy forbids',
    () => document.body.setAttribute('style', 'color: red'),
    /^policy: style-src-attr inline/,
  ],
  [
    'a script from elsewhere',
    () => {
      const script = document.createElement('script');
      script.src = 'https://elsewhere.example/script.js';
      document.head.append(script);
    },
    /^policy: script-src-elem https:\/\/elsewhere\.example/,
  ],
  [
    'an error that nobody catches',
    () =>
      void setTimeout(() => {
        throw new Error('planted');
      }),
    /^error: .*planted/,
  ],
  [
    'a rejection that nobody handles',
    () => void setTimeout(() => void Promise.reject(new Error('planted'))),
    /^error: .*planted/,
  ],
  ['an error in the console', () => console.error('planted'), /^console: planted/],
  [
    'an address outside the API that refuses',
    () => void fetch('/none', { method: 'POST' }),
    /^console: .*status of 4\d\d.*\/none/,
  ],
];

for (const [fault, plant, heard] of planted) {
  test(`${fault} is heard of`, async ({ browser, baseURL }) => {
    const page = await browser.newPage({ baseURL });
    const complaints = await watch(page);
    await page.goto('/');
    await page.locator('input[name=username]').waitFor();
    expect(complaints).toEqual([]);
    await page.evaluate(plant);
    await expect.poll(() => complaints).toContainEqual(expect.stringMatching(heard));
    await page.close();
  });
}
