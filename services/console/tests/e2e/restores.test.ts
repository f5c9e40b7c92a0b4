/** A restore as one clicks it: in place with its undo, and as a new reseller. */
import { byEveryHand, expect, PASSWORD, test, type Page } from '../support/test';
import type { Api } from '../support/api';
import type { Hand } from '../support/hands';

async function names(api: Api, tenant: string): Promise<string[]> {
  const { items } = await api.send<{ items: { username: string }[] }>('GET', `/api/tenants/${tenant}/users`);
  return items.map((user) => user.username).sort();
}

async function toConfirm(page: Page, hand: Hand, tenant: string): Promise<void> {
  await page.goto(`/restores/new?reseller=${tenant}`);
  await hand.tick(page.locator('input[name=backup]').first());
}

byEveryHand(() => {
  test('in place: chosen, proven, confirmed by the typed name, done, and undone', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    await api.user(unique, { username: 'before', email: 'before@example.com' });
    await api.backup(unique);
    await api.user(unique, { username: 'after', email: 'after@example.com' });
    await toConfirm(page, hand, unique);
    await hand.press(page.getByRole('button', { name: 'Next' }));
    await expect(page.getByText('The backup is whole')).toBeVisible();
    await expect(page.getByText('everything saved until')).toBeVisible();
    await hand.press(page.getByRole('button', { name: 'Next' }));
    await hand.fill(page.locator('input[name=confirmation]'), 'something else');
    await hand.fill(page.locator('input[name=password]'), PASSWORD);
    await hand.press(page.getByRole('button', { name: 'Restore now' }));
    await expect(page.getByText('That is not what is asked for')).toBeVisible();
    await hand.fill(page.locator('input[name=confirmation]'), unique);
    await hand.fill(page.locator('input[name=password]'), 'a wrong password here');
    await hand.press(page.getByRole('button', { name: 'Restore now' }));
    await expect(page.locator('input[name=password]')).toHaveAttribute('aria-invalid', 'true');
    await hand.fill(page.locator('input[name=password]'), PASSWORD);
    await hand.press(page.getByRole('button', { name: 'Restore now' }));
    await expect(page.getByText('Restored', { exact: true })).toBeVisible({ timeout: 30_000 });
    expect(await names(api, unique)).toEqual(['before']);

    await page.reload();
    await hand.press(page.getByRole('button', { name: /^Undo the restore/ }));
    await hand.fill(page.getByRole('dialog').locator('input[name=password]'), PASSWORD);
    await hand.press(page.getByRole('button', { name: 'Undo now' }));
    await expect(page.getByText('Undone', { exact: true }).first()).toBeVisible({ timeout: 30_000 });
    expect(await names(api, unique)).toEqual(['after', 'before']);
  });

  test('as a new reseller, beside the old one', async ({ console: page, unique, api, hand }) => {
    await api.tenant(unique);
    await api.user(unique, { username: 'before', email: 'before@example.com' });
    await api.backup(unique);
    await toConfirm(page, hand, unique);
    await hand.tick(page.getByRole('radio', { name: /As a new reseller/ }));
    await hand.fill(page.locator('input[name=new_slug]'), `${unique}-copy`);
    await hand.press(page.getByRole('button', { name: 'Next' }));
    await expect(page.getByText('The backup is whole')).toBeVisible();
    await hand.press(page.getByRole('button', { name: 'Next' }));
    await hand.fill(page.locator('input[name=password]'), PASSWORD);
    await hand.press(page.getByRole('button', { name: 'Restore now' }));
    await expect(page.getByText('Restored', { exact: true })).toBeVisible({ timeout: 30_000 });
    expect(await names(api, `${unique}-copy`)).toEqual(['before']);
  });
});
