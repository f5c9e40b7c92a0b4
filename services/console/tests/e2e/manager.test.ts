/** A reseller's manager: his own part, with the same components, and nothing of the platform's. */
import type { Api } from '../support/api';
import { expectAccessibleEverywhere } from '../support/axe';
import { expect, logIn, PASSWORD, test, type Page } from '../support/test';

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

test('he adds a user, sees himself, and cannot lock himself out', async ({ page, api, unique }) => {
  await enter(page, api, unique);
  await page.getByRole('link', { name: 'Users', exact: true }).click();
  await page.getByRole('link', { name: 'New user' }).first().click();
  await page.locator('input[name=username]').fill('anna');
  await page.locator('input[name=email]').fill('anna@example.com');
  await page.getByRole('button', { name: 'Create user' }).click();
  await expect(page.getByRole('row', { name: /anna/ })).toBeVisible();

  const own = page.getByRole('row', { name: /boss/ });
  await own.getByRole('button', { name: /More actions/ }).click();
  await expect(page.getByRole('menuitem', { name: 'Reset password' })).toHaveCount(0);
  await page.getByRole('menuitem', { name: 'Disable' }).click();
  await expect(page.getByText(/nobody would be left to manage/)).toBeVisible();
  await expect(own).toContainText('Active');
});

test('his schedule covers his own reseller, and is due once an hour at the most', async ({
  page,
  api,
  unique,
}) => {
  await enter(page, api, unique);
  await page.getByRole('link', { name: 'Schedules', exact: true }).click();
  await page.getByRole('link', { name: 'New schedule' }).first().click();
  await expect(page.getByLabel('Whose databases')).toHaveCount(0);
  await page.locator('input[name=name]').fill(`Own ${unique}`);
  await page.getByLabel('How often').selectOption('custom');
  await page.locator('input[name=cron]').fill('*/10 * * * *');
  await page.getByRole('button', { name: 'Create schedule' }).click();
  await expect(page.getByText('may be due once an hour at the most')).toBeVisible();
  await page.locator('input[name=cron]').fill('0 3 * * *');
  await page.getByRole('button', { name: 'Create schedule' }).click();
  await expect(page.getByRole('heading', { level: 1, name: `Own ${unique}` })).toBeVisible();
  const { items } = await api.send<{ items: { tenant: string }[] }>('GET', `/api/schedules?tenant=${unique}`);
  expect(items.map(({ tenant }) => tenant)).toEqual([unique]);
});

test('he changes the contact, and what is the platform’s is not there to change', async ({
  page,
  api,
  unique,
}) => {
  await enter(page, api, unique);
  await page.getByRole('link', { name: 'My reseller' }).click();
  await page.getByRole('link', { name: 'Settings', exact: true }).last().click();
  await expect(page.locator('input[name=slug]')).toHaveCount(0);
  await expect(page.locator('input[name=quota_users]')).toHaveCount(0);
  await page.locator('input[name=contact_email]').fill('post@example.com');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved', { exact: true })).toBeVisible();
  const tenant = await api.send<{ contact_email: string }>('GET', `/api/tenants/${unique}`);
  expect(tenant.contact_email).toBe('post@example.com');
});

test('another’s pages, and the platform’s, do not exist for him', async ({ page, api, unique }) => {
  await enter(page, api, unique);
  for (const path of ['/resellers', '/resellers/acme/users', `/resellers/${unique}/danger`]) {
    await page.goto(path);
    await expect(page.locator('main')).toContainText(/does not exist|not found|nothing/i);
  }
});

test('axe finds nothing on his screens, and none is wider than a phone', async ({ page, api, unique }) => {
  test.slow();
  await enter(page, api, unique);
  for (const path of ['/users', '/users/new', '/reseller', '/reseller/settings', '/schedules']) {
    await page.goto(path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expect(page.locator('[aria-busy=true], [role=status][aria-label="Loading …"]')).toHaveCount(0);
    await expectAccessibleEverywhere(page, `${path} of a manager`);
    await page.setViewportSize({ width: 360, height: 740 });
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(wider, `pixels wider than the screen: ${path}`).toBeLessThanOrEqual(0);
    await page.setViewportSize({ width: 1440, height: 900 });
  }
});
