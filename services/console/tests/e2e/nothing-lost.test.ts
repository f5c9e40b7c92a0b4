/** What was typed survives a session that ends, a network that goes, a colleague who was faster, and a slip of the hand. */
import type { BackupInfo } from '../../src/lib/api/schema';
import { Api } from '../support/api';
import type { Hand } from '../support/hands';
import { byEveryHand, expect, PASSWORD, test, type Page } from '../support/test';

async function begin(page: Page, hand: Hand, unique: string): Promise<void> {
  await page.goto('/resellers/new');
  await hand.fill(page.locator('input[name=name]'), `Kept ${unique}`);
  await hand.fill(page.locator('input[name=contact_email]'), 'kept@example.com');
  await hand.tick(page.getByRole('checkbox', { name: 'Create its first manager too' }), false);
}

async function beginWithManager(page: Page, hand: Hand, unique: string, username: string): Promise<void> {
  await page.goto('/resellers/new');
  await hand.fill(page.locator('input[name=name]'), `Kept ${unique}`);
  await hand.fill(page.locator('input[name=username]'), username);
  await hand.fill(page.locator('input[name=email]'), 'manager@example.com');
  await hand.press(page.getByRole('button', { name: 'Make one' }));
}

/** The service does what is asked, and nobody hears its answer. */
async function loseAnswers(page: Page, to: RegExp): Promise<void> {
  await page.route(to, async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    const headers = { ...route.request().headers(), 'sec-fetch-site': 'same-origin' };
    expect((await route.fetch({ headers })).status()).toBe(201);
    return route.abort();
  });
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

  test('a reseller is created with a manager whose name is Greek', async ({
    console: page,
    unique,
    service,
    hand,
  }) => {
    await beginWithManager(page, hand, unique, 'Ελένη');
    const password = await page.locator('input[name=new_password]').inputValue();
    await hand.press(page.getByRole('button', { name: 'Create reseller' }));
    await expect(page).toHaveURL(new RegExp(`/resellers/kept-${unique}$`));
    await new Api(service.api).login('Ελένη', password, `kept-${unique}`);
  });

  test.describe('when an answer is lost', () => {
    test.use({ tolerated: [/ERR_FAILED|the server responded with a status of 409/] });
    const lost = (page: Page) => page.getByText(/What you typed is still here; try again/);

    test('a password that is made anew is never taken for the one that is stored', async ({
      console: page,
      unique,
      service,
      hand,
    }) => {
      const users = /\/api\/tenants\/[^/]+\/users$/;
      await beginWithManager(page, hand, unique, 'mara');
      const stored = await page.locator('input[name=new_password]').inputValue();
      await loseAnswers(page, users);
      await hand.press(page.getByRole('button', { name: 'Create reseller' }));
      await expect(lost(page)).toBeVisible({ timeout: 30_000 });
      await page.unroute(users);
      await hand.press(page.getByRole('button', { name: 'Make one' }));
      await hand.press(page.getByRole('button', { name: 'Create the manager' }));
      await expect(page.getByLabel('E-mail').last()).toHaveAccessibleDescription(/another user/);
      await new Api(service.api).login('mara', stored, `kept-${unique}`);
    });

    test('a reseller that is there already is no hindrance to another password for its manager', async ({
      console: page,
      unique,
      service,
      hand,
    }) => {
      const tenants = /\/api\/tenants$/;
      await beginWithManager(page, hand, unique, 'mara');
      await loseAnswers(page, tenants);
      await hand.press(page.getByRole('button', { name: 'Create reseller' }));
      await expect(lost(page)).toBeVisible({ timeout: 30_000 });
      await page.unroute(tenants);
      await hand.press(page.getByRole('button', { name: 'Make one' }));
      const password = await page.locator('input[name=new_password]').inputValue();
      await hand.press(page.getByRole('button', { name: 'Create reseller' }));
      await expect(page).toHaveURL(new RegExp(`/resellers/kept-${unique}$`));
      await new Api(service.api).login('mara', password, `kept-${unique}`);
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
