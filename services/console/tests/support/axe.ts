/** WCAG 2.2 AA by axe, on what the page shows now. */
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

export const THEMES = ['light', 'dark'] as const;
export const LANGUAGES = ['en', 'de'] as const;

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export async function expectAccessible(page: Page, what: string): Promise<void> {
  // Colours are measured when they have arrived.
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((a) => a.effect?.getTiming().iterations !== Infinity)
        .map((a) => a.finished.catch(() => undefined)),
    ),
  );
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const told = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join('; ')}`,
  );
  expect(told, `axe on ${what}`).toEqual([]);
}

/** Sets theme and language as another tab of the same browser would. */
async function look(
  page: Page,
  theme: (typeof THEMES)[number],
  language: (typeof LANGUAGES)[number],
): Promise<void> {
  await page.evaluate(
    ([shade, tongue]) => {
      localStorage.setItem('chiliview.theme', shade);
      localStorage.setItem('chiliview.language', tongue);
      dispatchEvent(new StorageEvent('storage'));
    },
    [theme, language] as const,
  );
  await expect(page.locator(`html[data-theme=${theme}][lang=${language}]`)).toBeAttached();
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
