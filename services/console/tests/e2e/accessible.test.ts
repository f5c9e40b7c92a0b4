/** axe finds nothing on any screen, in either theme, in either language; and no screen is wider than a phone. */
import { expectAccessibleEverywhere } from '../support/axe';
import { expect, test, type Page } from '../support/test';
import { screens } from '../support/screens';

async function arrive(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await expect(page.locator('[aria-busy=true], [role=status][aria-label="Loading …"]')).toHaveCount(0);
  // A screen that could not load what it shows would be accessible too.
  await expect(page.getByText('This could not be loaded')).toHaveCount(0);
}

test('the login', async ({ page }) => {
  await page.goto('/');
  await page.locator('input[name=username]').waitFor();
  await expectAccessibleEverywhere(page, 'login');
});

for (const { name, prepare } of screens) {
  test(name, async ({ console: page, api, unique }) => {
    const { path, open } = await prepare(api, unique);
    await arrive(page, path);
    await open?.(page);
    await expectAccessibleEverywhere(page, name);
    await page.setViewportSize({ width: 360, height: 740 });
    await arrive(page, path);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(wider, 'pixels wider than the screen').toBeLessThanOrEqual(0);
  });
}

for (const [name, key] of [
  ['the palette', 'Control+k'],
  ['the help', '?'],
] as const) {
  test(name, async ({ console: page }) => {
    await arrive(page, '/backups');
    await page.keyboard.press(key);
    await page.getByRole('dialog').waitFor();
    await expectAccessibleEverywhere(page, name);
  });
}
