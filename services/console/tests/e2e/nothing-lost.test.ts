/** What was typed survives a session that ends, a network that goes, a colleague who was faster, and a slip of the hand. */
import type { BackupInfo } from '../../src/lib/api/schema';
import type { Hand } from '../support/hands';
import { byEveryHand, expect, PASSWORD, test, type Page } from '../support/test';

async function begin(page: Page, hand: Hand, unique: string): Promise<void> {
  await page.goto('/resellers/new');
  await hand.fill(page.locator('input[name=name]'), `Kept ${unique}`);
  await hand.fill(page.locator('input[name=contact_email]'), 'kept@example.com');
  await hand.tick(page.getByRole('checkbox', { name: 'Create its first manager too' }), false);
}

async function ownSession(page: Page): Promise<string | undefined> {
  const answer = await page.request.get('/api/auth/sessions');
  const { items } = (await answer.json()) as { items: { id: string; current: boolean }[] };
  return items.find(({ current }) => current)?.id;
}

byEveryHand(() => {
  test('a session that ends in the middle of a form asks for the password over it, and the change goes through', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await begin(page, hand, unique);
    await api.send('DELETE', `/api/auth/sessions/${await ownSession(page)}`);
    await hand.press(page.getByRole('button', { name: 'Create reseller' }));
    const dialog = page.getByRole('dialog', { name: 'Log in again' });
    await expect(dialog).toBeVisible();
    await expect(page.locator('input[name=name]')).toHaveValue(`Kept ${unique}`);
    await hand.fill(dialog.locator('input[name=password]'), 'not the password at all');
    await hand.press(dialog.getByRole('button', { name: 'Log in' }));
    await expect(dialog.getByRole('alert')).toBeVisible();
    await hand.fill(dialog.locator('input[name=password]'), PASSWORD);
    await hand.press(dialog.getByRole('button', { name: 'Log in' }));
    await expect(page).toHaveURL(new RegExp(`/resellers/kept-${unique}$`));
    expect((await api.raw('GET', `/api/tenants/kept-${unique}`)).status).toBe(200);
  });

  test.describe('without a network', () => {
    test.use({ tolerated: [/ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|ERR_CONNECTION/] });

    test('the form stays, a banner says why, and the change is made once when it is back', async ({
      console: page,
      unique,
      api,
      context,
      hand,
    }) => {
      await begin(page, hand, unique);
      await context.setOffline(true);
      await hand.press(page.getByRole('button', { name: 'Create reseller' }));
      await expect(page.getByText('ChiliView does not answer.')).toBeVisible();
      await expect(page.locator('input[name=name]')).toHaveValue(`Kept ${unique}`);
      await expect(page.getByText(/What you typed is still here; try again/)).toBeVisible({
        timeout: 30_000,
      });
      await context.setOffline(false);
      await expect(page.getByText('ChiliView does not answer.')).toBeHidden({ timeout: 30_000 });
      await hand.press(page.getByRole('button', { name: 'Create reseller' }));
      await expect(page).toHaveURL(new RegExp(`/resellers/kept-${unique}$`));
      const { items } = await api.send<{ items: unknown[] }>('GET', `/api/tenants?q=kept-${unique}`);
      expect(items).toHaveLength(1);
    });

    test('an open list goes on by itself', async ({ console: page, unique, api, context, hand }) => {
      await api.tenant(unique);
      await page.goto('/backups');
      await context.setOffline(true);
      await hand.press(page.getByRole('link', { name: 'Restores', exact: true }));
      await expect(page.getByText('ChiliView does not answer.')).toBeVisible({ timeout: 30_000 });
      await context.setOffline(false);
      await expect(page.getByText('ChiliView does not answer.')).toBeHidden({ timeout: 30_000 });
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    });
  });

  test('what is asked for a second time, after it was done, is done a second time', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    await page.goto(`/resellers/${unique}/backups`);
    const start = page.getByRole('dialog').getByRole('button', { name: 'Back up now' });
    for (const times of [1, 2]) {
      await hand.press(page.getByRole('button', { name: 'New backup' }).first());
      await hand.press(start);
      await expect(start).toBeHidden();
      const { items } = await api.send<{ items: BackupInfo[] }>('GET', `/api/backups?tenant=${unique}`);
      expect(items).toHaveLength(times);
    }
  });

  test('leaving a form with something typed asks first', async ({ console: page, unique, hand }) => {
    await begin(page, hand, unique);
    page.once('dialog', (dialog) => void dialog.dismiss());
    await hand.press(page.getByRole('link', { name: 'Backups', exact: true }));
    await expect(page.locator('input[name=name]')).toHaveValue(`Kept ${unique}`);
    page.once('dialog', (dialog) => void dialog.accept());
    await hand.press(page.getByRole('link', { name: 'Backups', exact: true }));
    await expect(page.getByRole('heading', { level: 1, name: 'Backups' })).toBeVisible();
  });

  test('what the service refuses stands at its field, and the rest stays', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    await begin(page, hand, unique);
    await hand.fill(page.locator('input[name=slug]'), 'A');
    await hand.press(page.getByRole('button', { name: 'Create reseller' }));
    await expect(page.locator('input[name=slug]')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('input[name=slug]')).toBeFocused();
    await expect(page.locator('input[name=name]')).toHaveValue(`Kept ${unique}`);
  });
});
