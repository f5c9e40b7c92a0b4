/** A file that the page hands over. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';

/** The lines of the file that `press` brings. */
export async function linesOf(page: Page, press: () => Promise<void>): Promise<string[]> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return readFileSync(await download.path(), 'utf8')
    .trimEnd()
    .split(/\r?\n/);
}
