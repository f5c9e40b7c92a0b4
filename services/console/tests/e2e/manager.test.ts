/** A reseller's manager: his own part, with the same components, and nothing of the platform's. */
import type { Api } from '../support/api';
import { expectAccessibleEverywhere } from '../support/axe';
import { expectFits } from '../support/looks';
import { byEveryHand, expect, logIn, PASSWORD, test, type Page } from '../support/test';

async function enter(page: Page, api: Api, tenant: string): Promise<void> {
  await api.tenant(tenant);
  await api.user(tenant, {
    username: 'boss',
    email: 'boss@example.com',
    role: 'manager',
    password: PASSWORD,
  });
  await logIn(page, { username: 'boss', tenant });
}

byEveryHand(() => {
  test('he adds a user, sees himself, and cannot lock himself out', async ({ page, api, unique, hand }) => {
    await enter(page, api, unique);
    await hand.press(page.getByRole('link', { name: 'Users', exact: true }));
    await hand.press(page.getByRole('link', { name: 'New user' }).first());
    await hand.fill(page.locator('input[name=username]'), 'anna');
    await hand.fill(page.locator('input[name=email]'), 'anna@example.com');
    await hand.press(page.getByRole('button', { name: 'Create user' }));
    await expect(page.getByRole('row', { name: /anna/ })).toBeVisible();

    const own = page.getByRole('row', { name: /boss/ });
    const menu = own.getByRole('button', { name: /More actions/ });
    await hand.press(menu);
    await expect(page.getByRole('menuitem', { name: 'Disable' })).toBeVisible();
    await expect(page.getByRole('menuitem', { name: 'Reset password' })).toHaveCount(0);
    await page.keyboard.press('Escape');
    await expect(menu).toBeFocused();
    await hand.fromMenu(menu, 'Disable');
    await expect(page.getByText(/nobody would be left to manage/)).toBeVisible();
    await expect(own).toContainText('Active');
  });

  test('his schedule covers his own reseller, and is due once an hour at the most', async ({
    page,
    api,
    unique,
    hand,
  }) => {
    await enter(page, api, unique);
    await hand.press(page.getByRole('link', { name: 'Schedules', exact: true }));
    await hand.press(page.getByRole('link', { name: 'New schedule' }).first());
    await expect(page.getByLabel('Whose databases')).toHaveCount(0);
    await hand.fill(page.locator('input[name=name]'), `Own ${unique}`);
    await hand.choose(page.getByLabel('How often'), 'custom');
    await hand.fill(page.locator('input[name=cron]'), '*/10 * * * *');
    await hand.press(page.getByRole('button', { name: 'Create schedule' }));
    await expect(page.getByText('may be due once an hour at the most')).toBeVisible();
    await hand.fill(page.locator('input[name=cron]'), '0 3 * * *');
    await hand.press(page.getByRole('button', { name: 'Create schedule' }));
    await expect(page.getByRole('heading', { level: 1, name: `Own ${unique}` })).toBeVisible();
    const { items } = await api.send<{ items: { tenant: string }[] }>(
      'GET',
      `/api/schedules?tenant=${unique}`,
    );
    expect(items.map(({ tenant }) => tenant)).toEqual([unique]);
  });

  test('he changes the contact, and what is the platform’s is not there to change', async ({
    page,
    api,
    unique,
    hand,
  }) => {
    await enter(page, api, unique);
    await hand.press(page.getByRole('link', { name: 'My reseller' }));
    await hand.press(page.getByRole('link', { name: 'Settings', exact: true }).last());
    await expect(page.locator('input[name=slug]')).toHaveCount(0);
    await expect(page.locator('input[name=quota_users]')).toHaveCount(0);
    await hand.fill(page.locator('input[name=contact_email]'), 'post@example.com');
    await hand.press(page.getByRole('button', { name: 'Save' }));
    await expect(page.getByText('Saved', { exact: true })).toBeVisible();
    const tenant = await api.send<{ contact_email: string }>('GET', `/api/tenants/${unique}`);
    expect(tenant.contact_email).toBe('post@example.com');
  });
});

test('another’s pages, and the platform’s, do not exist for him', async ({ page, api, unique }) => {
  await enter(page, api, unique);
  for (const path of ['/resellers', '/resellers/acme/users', `/resellers/${unique}/danger`]) {
    await page.goto(path);
    await expect(page.locator('main')).toContainText(/does not exist|not found|nothing/i);
  }
});

test('axe finds nothing on his screens, and nothing is cut off at any width', async ({
  page,
  api,
  unique,
}) => {
  test.slow();
  await enter(page, api, unique);
  for (const path of ['/users', '/users/new', '/reseller', '/reseller/settings', '/schedules']) {
    await page.goto(path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expect(page.locator('[aria-busy=true], [role=status][aria-label="Loading …"]')).toHaveCount(0);
    await expectAccessibleEverywhere(page, `${path} of a manager`);
    await expectFits(page, `${path} of a manager`);
  }
});
