/** WCAG 2.2 AA by axe, on what the page shows now. */
import { expect, type Page } from '@playwright/test';
import axe from 'axe-core';
import { LANGUAGES, look, THEMES } from './looks';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

type Axe = typeof axe;

/** Into the page once; it stays until the page is loaded anew. There are no frames here that would need it too. */
async function bring(page: Page): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
}

/** Colours are measured when they have arrived. */
const settled = (page: Page): Promise<unknown> =>
  page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getTiming().iterations !== Infinity)
        .map((animation) => animation.finished.catch(() => undefined)),
    ),
  );

export async function expectAccessible(page: Page, what: string): Promise<void> {
  await settled(page);
  await bring(page);
  const told = await page.evaluate(async (values) => {
    const { axe: here } = window as unknown as { axe: Axe };
    const { violations } = await here.run(document, {
      runOnly: { type: 'tag', values },
      resultTypes: ['violations'],
    });
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join('; ')}`,
    );
  }, TAGS);
  expect(told, `axe on ${what}`).toEqual([]);
}

/** Runs axe over what the page shows, in both themes and both languages. */
export async function expectAccessibleEverywhere(page: Page, what: string): Promise<void> {
  for (const theme of THEMES) {
    for (const language of LANGUAGES) {
      await look(page, theme, language);
      await expectAccessible(page, `${what}, ${theme}, ${language}`);
    }
  }
  await look(page, 'light', 'en');
}
