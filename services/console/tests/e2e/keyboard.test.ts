/** What the keyboard can do that no mouse does: the palette, keys of their own, from row to row; and where the focus goes. */
import { expect, test } from '../support/test';
import { fill, fromMenu, goTo, press, tabTo } from '../support/keyboard';

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

test('a dialog that a menu opened gives the focus back to the menu', async ({
  console: page,
  unique,
  api,
}) => {
  await api.tenant(unique);
  await api.user(unique, { username: 'anna', email: 'anna@example.com' });
  await page.goto(`/resellers/${unique}/users`);
  const menu = page.getByRole('button', { name: 'More actions: anna' });
  await fromMenu(page, menu, 'Delete user');
  await expect(page.getByRole('dialog').locator('input[name=confirmation]')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(menu).toBeFocused();
});

test('the palette and the help give the focus back to where it was', async ({ console: page }) => {
  await goTo(page, 'b', 'Backups');
  const link = page.getByRole('link', { name: 'Schedules', exact: true });
  for (const key of ['Control+k', '?']) {
    await tabTo(page, link);
    await page.keyboard.press(key);
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect(link).toBeFocused();
  }
});

test('what happens is said to those who do not see it', async ({ console: page, unique, api }) => {
  const said = page.locator('[aria-live=polite]');
  await api.tenant(unique);
  const { id } = await api.backup(unique);
  await page.goto(`/backups/${id}`);
  await fromMenu(page, page.getByRole('button', { name: 'More actions' }), 'Keep it (pin)');
  await expect(said).toContainText('It stays, whatever the retention says');
  await page.keyboard.press('u');
  await expect
    .poll(async () => (await api.send<{ pinned_at?: string }>('GET', `/api/backups/${id}`)).pinned_at)
    .toBe(undefined);
  await expect(said).not.toContainText('It stays');
});

test('from one screen to the next the focus is on the title, and the skip link leads past the navigation', async ({
  console: page,
}) => {
  await press(page, page.getByRole('link', { name: 'Schedules', exact: true }));
  await expect(page.getByRole('heading', { level: 1, name: 'Schedules' })).toBeFocused();
  await page.goto('/jobs');
  await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#content')).toBeFocused();
});
