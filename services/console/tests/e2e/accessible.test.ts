/** Every screen in both themes, in both languages and at every width: axe finds nothing, and nothing is cut off. */
import { expectAccessibleEverywhere } from '../support/axe';
import { expectFits } from '../support/looks';
import { enter, expect, test, type Page } from '../support/test';
import { screens } from '../support/screens';

async function arrived(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await expect(page.locator('[aria-busy=true], [role=status][aria-label="Loading …"]')).toHaveCount(0);
  // A screen that could not load what it shows would be accessible too.
  await expect(page.getByText('This could not be loaded')).toHaveCount(0);
}

async function expectGood(page: Page, name: string): Promise<void> {
  await expectAccessibleEverywhere(page, name);
  await expectFits(page, name);
}

test('the login', async ({ page }) => {
  await page.goto('/');
  await page.locator('input[name=username]').waitFor();
  await expectGood(page, 'login');
});

for (const { name, path, ready } of screens) {
  test(name, async ({ page, world }) => {
    await enter(page, await path(world));
    await arrived(page);
    if (ready) await page.getByText(ready).waitFor();
    await expectGood(page, name);
  });
}

for (const [name, key] of [
  ['the palette', 'Control+k'],
  ['the help', '?'],
] as const) {
  test(name, async ({ page }) => {
    await enter(page, '/backups');
    await arrived(page);
    await page.keyboard.press(key);
    await page.getByRole('dialog').waitFor();
    await expectGood(page, name);
  });
}
