/** A console that lies open with nobody at it goes on showing what changes, and keeps no session from idling out. */
import { expect, test, type Page } from '../support/test';

const AWAY = '06:00';

/** Whether the page says that nobody is at it, when it next asks for the list of resellers. */
async function isMarked(page: Page, change: () => Promise<unknown>): Promise<boolean> {
  const asked = page.waitForRequest((request) => new URL(request.url()).pathname === '/api/tenants');
  await change();
  await page.clock.runFor(1_000);
  return (await asked).headers()['x-unattended'] !== undefined;
}

test('what it asks for by itself is marked so, until somebody is there again', async ({
  page,
  console: open,
  unique,
  api,
}) => {
  await page.clock.install();
  await open.goto('/resellers');
  await expect(page.locator('[data-connection=live]')).toBeVisible();
  await page.clock.runFor(1_000);
  await page.clock.fastForward(AWAY);
  expect(await isMarked(page, () => api.tenant(unique))).toBe(true);
  await page.mouse.move(10, 10);
  expect(await isMarked(page, () => api.tenant(`${unique}-2`))).toBe(false);
});
