/** How the console may look: two themes, two languages, and widths from a small phone to a wide screen. */
import { expect, type Page } from '@playwright/test';

export const THEMES = ['light', 'dark'] as const;
export const LANGUAGES = ['en', 'de'] as const;
export type Theme = (typeof THEMES)[number];
export type Language = (typeof LANGUAGES)[number];

const HEIGHT = 900;
export const WIDTHS = [360, 390, 768, 2560, 1440];

/** Sets theme and language as another tab of the same browser would: nothing is loaded anew. */
export async function look(page: Page, theme: Theme, language: Language): Promise<void> {
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

export const wide = (page: Page, width: number): Promise<void> =>
  page.setViewportSize({ width, height: HEIGHT });

/**
 * What does not fit: a page that scrolls sideways, and text that an ancestor cuts off or that lies outside the page. A part that is
 * meant to scroll (tabs, a wide table) may hold more than it shows.
 */
function misfits(): string[] {
  const SLACK = 1;
  const found = new Set<string>();
  const wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wider > 0) found.add(`the page is ${wider} px wider than the screen`);

  const hidden = (style: CSSStyleDeclaration): boolean =>
    style.clipPath !== 'none' || style.visibility !== 'visible' || style.opacity === '0';
  const clips = (style: CSSStyleDeclaration): boolean => ['hidden', 'clip'].includes(style.overflowX);
  const scrolls = (style: CSSStyleDeclaration): boolean => ['auto', 'scroll'].includes(style.overflowX);

  /** How many pixels of a line of text are not to be seen; 0 when somebody may scroll there. */
  function lost(text: Text, line: DOMRect): number {
    let most = Math.max(line.right - document.documentElement.clientWidth, -line.left);
    for (let at = text.parentElement; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (hidden(style) || scrolls(style)) return 0;
      if (style.textOverflow === 'ellipsis' && at.title) return 0;
      if (!clips(style)) continue;
      const box = at.getBoundingClientRect();
      most = Math.max(most, line.right - box.right, box.left - line.left);
    }
    return most;
  }

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.textContent?.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      const pixels = lost(node as Text, line);
      if (pixels > SLACK)
        found.add(`“${node.textContent.trim().slice(0, 60)}”: ${Math.round(pixels)} px are cut off`);
    }
  }
  return [...found];
}

/** Nothing is cut off and nothing scrolls sideways, at any width, in either language. Ends as it began: 1440 px, English. */
export async function expectFits(page: Page, what: string): Promise<void> {
  for (const language of [...LANGUAGES].reverse()) {
    await look(page, 'light', language);
    for (const width of WIDTHS) {
      await wide(page, width);
      expect.soft(await page.evaluate(misfits), `${what}, ${language}, at ${width} px`).toEqual([]);
    }
  }
}
