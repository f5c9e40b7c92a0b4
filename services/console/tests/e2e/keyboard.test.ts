/** What the keyboard can do that no mouse does: the palette, keys of their own, from row to row; and where the focus goes. */
import { expect, test } from '../support/test';
import { fill, goTo, press, tabTo } from '../support/keyboard';

test('a backup, from the palette to the download', async ({ console: page, unique, api }) => {
  await api.tenant(unique);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('new backup');
  await expect(page.getByRole('option', { name: 'New backup', selected: true })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'New backup' })).toBeVisible();
  await fill(page, page.getByRole('combobox', { name: 'Reseller' }), unique);
  await expect(page.getByRole('option', { name: new RegExp(unique) })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('combobox', { name: 'Reseller' })).toHaveValue(unique);
  await press(page, page.getByRole('button', { name: 'Back up now' }));
  const row = page.getByRole('row', { name: new RegExp(unique) });
  await expect(row).toContainText('Verified');
  await press(page, row.getByRole('link'));
  await expect(page.getByRole('heading', { level: 1, name: `Backup of ${unique}` })).toBeVisible();
  await tabTo(page, page.getByRole('link', { name: 'Download' }));
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  expect(download.suggestedFilename()).toMatch(/\.db\.zst$/);
});

test('from row to row, and back to where one was', async ({ console: page, unique, api }) => {
  for (const letter of ['a', 'b', 'c']) await api.tenant(`${unique}-${letter}`);
  await goTo(page, 'r', 'Resellers');
  await page.keyboard.press('/');
  await page.keyboard.type(unique);
  const links = page.locator('[data-row-link]');
  await expect(links).toHaveCount(3);
  await tabTo(page, links.first());
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  await expect(links.nth(2)).toBeFocused();
  await page.keyboard.press('k');
  await expect(links.nth(1)).toBeFocused();
});

test('a dialog keeps the focus, and gives it back', async ({ console: page }) => {
  await goTo(page, 'b', 'Backups');
  const button = page.getByRole('button', { name: 'New backup' }).first();
  await press(page, button);
  const dialog = page.getByRole('dialog');
  for (let step = 0; step < 12; step += 1) {
    await page.keyboard.press('Tab');
    expect(await dialog.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  }
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(button).toBeFocused();
});
