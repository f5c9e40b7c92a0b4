/** Nothing begins here, since no worker runs: what waits is told by events, and asked for only while they are missing. */
import type { Api } from '../support/api';
import { expect, logIn, test, type Page } from '../support/test';

test.use({ jobs: false });

const LATER = '00:30';

async function waitingRound(api: Api): Promise<string> {
  const { items } = await api.send<{ items: { id: string; status: string }[] }>('GET', '/api/doctor?limit=1');
  const waiting = items.find(({ status }) => status === 'queued');
  return (waiting ?? (await api.send<{ id: string }>('POST', '/api/doctor', { repair: false }))).id;
}

/** What the page asked for before is known once this is answered. */
const settled = (page: Page): Promise<unknown> => page.evaluate(async () => (await fetch('/livez')).text());

/** How often the page has asked for what is at `path`, from now on. */
function asked(page: Page, path: string): () => number {
  let times = 0;
  page.on('request', (request) => (times += Number(new URL(request.url()).pathname === path)));
  return () => times;
}

test('a round of the doctor that waits is not asked for while the stream is there', async ({ page, api }) => {
  await page.clock.install();
  await logIn(page);
  const id = await waitingRound(api);
  await page.goto(`/doctor/${id}`);
  await expect(page.locator('[data-connection=live]')).toBeVisible();
  await expect(page.getByText('Queued', { exact: true })).toBeVisible();
  // What was there before the stream is asked for once more.
  await page.clock.fastForward('00:01');
  await settled(page);
  const times = asked(page, `/api/doctor/${id}`);
  await page.clock.fastForward(LATER);
  await settled(page);
  expect(times()).toBe(0);
});

test.describe('without the stream', () => {
  test.use({ tolerated: [/ERR_FAILED|ERR_BLOCKED|EventSource/] });

  test('the round is asked for again and again', async ({ page, api }) => {
    await page.route('**/api/events', (route) => route.abort());
    await logIn(page);
    const id = await waitingRound(api);
    await page.goto(`/doctor/${id}`);
    await expect(page.locator('[data-connection=polling]')).toBeVisible();
    const times = asked(page, `/api/doctor/${id}`);
    await expect.poll(times).toBeGreaterThan(1);
  });
});
