/** A restore as one clicks it: in place with its undo, and as a new reseller. */
import { expect, PASSWORD, test, type Page } from '../support/test';
import type { Api } from '../support/api';

async function names(api: Api, tenant: string): Promise<string[]> {
  const { items } = await api.send<{ items: { username: string }[] }>('GET', `/api/tenants/${tenant}/users`);
  return items.map((user) => user.username).sort();
}

async function toConfirm(page: Page, tenant: string): Promise<void> {
  await page.goto(`/restores/new?reseller=${tenant}`);
  await page.locator('input[name=backup]').first().check();
}

test('in place: chosen, proven, confirmed by the typed name, done, and undone', async ({
  console: page,
  unique,
  api,
}) => {
  await api.tenant(unique);
  await api.user(unique, { username: 'before', email: 'before@example.com' });
  await api.backup(unique);
  await api.user(unique, { username: 'after', email: 'after@example.com' });
  await toConfirm(page, unique);
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByText('The backup is whole')).toBeVisible();
  await expect(page.getByText('everything saved until')).toBeVisible();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.locator('input[name=confirmation]').fill('something else');
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Restore now' }).click();
  await expect(page.getByText('That is not what is asked for')).toBeVisible();
  await page.locator('input[name=confirmation]').fill(unique);
  await page.locator('input[name=password]').fill('a wrong password here');
  await page.getByRole('button', { name: 'Restore now' }).click();
  await expect(page.locator('input[name=password]')).toHaveAttribute('aria-invalid', 'true');
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Restore now' }).click();
  await expect(page.getByText('Restored', { exact: true })).toBeVisible({ timeout: 30_000 });
  expect(await names(api, unique)).toEqual(['before']);

  await page.reload();
  await page.getByRole('button', { name: /^Undo the restore/ }).click();
  await page.getByRole('dialog').locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Undo now' }).click();
  await expect(page.getByText('Undone', { exact: true }).first()).toBeVisible({ timeout: 30_000 });
  expect(await names(api, unique)).toEqual(['after', 'before']);
});

test('as a new reseller, beside the old one', async ({ console: page, unique, api }) => {
  await api.tenant(unique);
  await api.user(unique, { username: 'before', email: 'before@example.com' });
  await api.backup(unique);
  await toConfirm(page, unique);
  await page.getByRole('radio', { name: /As a new reseller/ }).check();
  await page.locator('input[name=new_slug]').fill(`${unique}-copy`);
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByText('The backup is whole')).toBeVisible();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Restore now' }).click();
  await expect(page.getByText('Restored', { exact: true })).toBeVisible({ timeout: 30_000 });
  expect(await names(api, `${unique}-copy`)).toEqual(['before']);
});
