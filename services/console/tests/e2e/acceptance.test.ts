/** What the predecessor failed at, walked as a person walks it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from '../support/test';

test('a reseller that was created is still there when one comes back, and so is its manager', async ({
  console: page,
  unique,
  api,
}) => {
  await page.getByRole('link', { name: 'Resellers' }).click();
  await page.getByRole('link', { name: 'New reseller' }).first().click();
  await page.getByLabel('Name', { exact: true }).fill(`Müller ${unique}`);
  await expect(page.locator('input[name=slug]')).toHaveValue(`mueller-${unique}`);
  await page.locator('input[name=username]').fill('anna');
  await page.locator('input[name=email]').fill('anna@example.com');
  await page.getByRole('button', { name: 'Make one' }).click();
  await page.getByRole('button', { name: 'Create reseller' }).click();
  await expect(page).toHaveURL(new RegExp(`/resellers/mueller-${unique}$`));

  const rail = page.getByRole('navigation', { name: 'Navigation' });
  await rail.getByRole('link', { name: 'Backups', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Backups' })).toBeVisible();
  await rail.getByRole('link', { name: 'Resellers', exact: true }).click();
  await expect(page.getByRole('row', { name: new RegExp(unique) })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('row', { name: new RegExp(unique) })).toBeVisible();

  const { items } = await api.send<{ items: { username: string; role: string }[] }>(
    'GET',
    `/api/tenants/mueller-${unique}/users`,
  );
  expect(items.map(({ username, role }) => `${username} ${role}`)).toEqual(['anna manager']);
});

test('a backup is in the list at once, survives a reload, and what is downloaded is what was recorded', async ({
  console: page,
  unique,
  api,
}) => {
  await api.tenant(unique);
  await page.getByRole('link', { name: 'Backups', exact: true }).click();
  await page.getByRole('button', { name: 'New backup' }).first().click();
  await page.getByRole('combobox', { name: 'Reseller' }).fill(unique);
  await page.getByRole('option', { name: new RegExp(unique) }).click();
  await page.getByRole('button', { name: 'Back up now' }).click();
  const row = page.getByRole('row', { name: new RegExp(unique) });
  await expect(row).toBeVisible();
  await page.reload();
  await expect(row).toContainText('Verified');

  await row.getByRole('button', { name: /More actions/ }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'Download' }).click(),
  ]);
  const { items } = await api.send<{ items: { id: string; sha256: string; bytes: number }[] }>(
    'GET',
    `/api/backups?tenant=${unique}`,
  );
  const file = readFileSync(await download.path());
  expect(file.length).toBe(items[0]?.bytes);
  expect(createHash('sha256').update(file).digest('hex')).toBe(items[0]?.sha256);
});
