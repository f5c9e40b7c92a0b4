/** What was typed survives a session that ends, a network that goes, a colleague who was faster, and a slip of the hand. */
import { expect, PASSWORD, test, type Page } from '../support/test';

async function begin(page: Page, unique: string): Promise<void> {
  await page.goto('/resellers/new');
  await page.locator('input[name=name]').fill(`Kept ${unique}`);
  await page.locator('input[name=contact_email]').fill('kept@example.com');
  await page.getByRole('checkbox', { name: 'Create its first manager too' }).uncheck();
}

test('a session that ends in the middle of a form asks for the password over it, and the change goes through', async ({
  console: page,
  unique,
  api,
}) => {
  await begin(page, unique);
  const { items } = await api.send<{ items: { id: string; current: boolean }[] }>(
    'GET',
    '/api/auth/sessions',
  );
  for (const { id, current } of items) if (!current) await api.send('DELETE', `/api/auth/sessions/${id}`);
  await page.getByRole('button', { name: 'Create reseller' }).click();
  const dialog = page.getByRole('dialog', { name: 'Log in again' });
  await expect(dialog).toBeVisible();
  await expect(page.locator('input[name=name]')).toHaveValue(`Kept ${unique}`);
  await dialog.locator('input[name=password]').fill('not the password at all');
  await dialog.getByRole('button', { name: 'Log in' }).click();
  await expect(dialog.getByRole('alert')).toBeVisible();
  await dialog.locator('input[name=password]').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Log in' }).click();
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
  }) => {
    await begin(page, unique);
    await context.setOffline(true);
    await page.getByRole('button', { name: 'Create reseller' }).click();
    await expect(page.getByText('ChiliView does not answer.')).toBeVisible();
    await expect(page.locator('input[name=name]')).toHaveValue(`Kept ${unique}`);
    await expect(page.getByText(/What you typed is still here; try again/)).toBeVisible({ timeout: 30_000 });
    await context.setOffline(false);
    await expect(page.getByText('ChiliView does not answer.')).toBeHidden({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Create reseller' }).click();
    await expect(page).toHaveURL(new RegExp(`/resellers/kept-${unique}$`));
    const { items } = await api.send<{ items: unknown[] }>('GET', `/api/tenants?q=kept-${unique}`);
    expect(items).toHaveLength(1);
  });

  test('an open list goes on by itself', async ({ console: page, unique, api, context }) => {
    await api.tenant(unique);
    await page.goto('/backups');
    await context.setOffline(true);
    await page.getByRole('link', { name: 'Restores', exact: true }).click();
    await expect(page.getByText('ChiliView does not answer.')).toBeVisible({ timeout: 30_000 });
    await context.setOffline(false);
    await expect(page.getByText('ChiliView does not answer.')).toBeHidden({ timeout: 30_000 });
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  });
});

test('leaving a form with something typed asks first', async ({ console: page, unique }) => {
  await begin(page, unique);
  page.once('dialog', (dialog) => void dialog.dismiss());
  await page.getByRole('link', { name: 'Backups', exact: true }).click();
  await expect(page.locator('input[name=name]')).toHaveValue(`Kept ${unique}`);
  page.once('dialog', (dialog) => void dialog.accept());
  await page.getByRole('link', { name: 'Backups', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Backups' })).toBeVisible();
});

test('what the service refuses stands at its field, and the rest stays', async ({
  console: page,
  unique,
  api,
}) => {
  await api.tenant(unique);
  await begin(page, unique);
  await page.locator('input[name=slug]').fill('A');
  await page.getByRole('button', { name: 'Create reseller' }).click();
  await expect(page.locator('input[name=slug]')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.locator('input[name=slug]')).toBeFocused();
  await expect(page.locator('input[name=name]')).toHaveValue(`Kept ${unique}`);
});
