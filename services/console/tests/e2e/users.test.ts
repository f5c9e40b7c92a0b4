/** A reseller's people: one by one, from a file, by mouse and by keyboard. */
import { expect, test, type Page } from '../support/test';

const HEADER = 'username,email,given_name,family_name,role\n';

async function open(page: Page, tenant: string, part = ''): Promise<void> {
  await page.goto(`/resellers/${tenant}/users${part}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

async function usernames(api: { send: <T>(method: string, path: string) => Promise<T> }, tenant: string) {
  const { items } = await api.send<{ items: { username: string }[] }>('GET', `/api/tenants/${tenant}/users`);
  return items.map(({ username }) => username);
}

const chosen = (lines: string) => ({
  name: 'people.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from(HEADER + lines),
});

test('a user is created, changed, disabled and, by undo, enabled again', async ({
  console: page,
  api,
  unique,
}) => {
  await api.tenant(unique);
  await open(page, unique);
  await page.getByRole('link', { name: 'New user' }).first().click();
  await page.locator('input[name=username]').fill('anna');
  await page.locator('input[name=email]').fill('anna@example.com');
  await page.getByLabel('Role').selectOption('manager');
  await page.getByRole('button', { name: 'Create user' }).click();
  const row = page.getByRole('row', { name: /anna/ });
  await expect(row).toContainText('Manager');

  await row.getByRole('link', { name: 'anna' }).click();
  await page.locator('input[name=given_name]').fill('Anna');
  await page.locator('input[name=family_name]').fill('Berg');
  await page.locator('input[name=display_name]').fill('');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Anna Berg' })).toBeVisible();
  await expect(page.locator('input[name=display_name]')).toHaveValue('Anna Berg');

  await page.getByRole('button', { name: 'Disable' }).click();
  await expect(page.getByText('anna is disabled and logged out')).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByRole('button', { name: 'Disable' })).toBeVisible();
  const { items } = await api.send<{ items: { status: string }[] }>('GET', `/api/tenants/${unique}/users`);
  expect(items[0]?.status).toBe('active');
});

test('by keyboard alone a user is created, and deleted after the name was typed', async ({
  console: page,
  api,
  unique,
}) => {
  await api.tenant(unique);
  await open(page, unique);
  await page.keyboard.press('n');
  await page.locator('input[name=username]').focus();
  await page.keyboard.type('ben');
  await page.keyboard.press('Tab');
  await page.keyboard.type('ben@example.com');
  await page.keyboard.press('Enter');
  const menu = page.getByRole('button', { name: 'More actions: ben' });
  await menu.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Delete user' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Delete user' });
  await expect(dialog.locator('input[name=confirmation]')).toBeFocused();
  await page.keyboard.type('somebody else');
  await page.keyboard.press('Enter');
  await expect(dialog).toContainText('That is not what is asked for');
  expect(await usernames(api, unique)).toEqual(['ben']);
  await page.keyboard.press('Control+a');
  await page.keyboard.type('ben');
  await page.keyboard.press('Enter');
  await expect(page.getByText('ben is deleted')).toBeVisible();
  expect(await usernames(api, unique)).toEqual([]);
});

test('what is refused stands at its field, and nothing typed is lost', async ({
  console: page,
  api,
  unique,
}) => {
  await api.tenant(unique);
  await api.user(unique, { username: 'anna', email: 'anna@example.com' });
  await open(page, unique, '/new');
  await page.locator('input[name=username]').fill('other');
  await page.locator('input[name=email]').fill('anna@example.com');
  await page.locator('input[name=given_name]').fill('Ottilie');
  await page.getByRole('button', { name: 'Create user' }).click();
  const email = page.locator('input[name=email]');
  await expect(email).toHaveAttribute('aria-invalid', 'true');
  await expect(email).toBeFocused();
  await expect(page.locator('input[name=given_name]')).toHaveValue('Ottilie');
});

test('two who change one user at once: both are shown, and neither loses what only he changed', async ({
  console: page,
  api,
  unique,
}) => {
  await api.tenant(unique);
  const user = await api.user(unique, { username: 'anna', email: 'anna@example.com' });
  const path = `/api/tenants/${unique}/users/${user.id}`;
  await open(page, unique, `/${user.id}`);
  await page.locator('input[name=given_name]').fill('Anna');
  await api.send('PATCH', path, { family_name: 'Berg', given_name: 'Anne' });
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Somebody else saved this meanwhile')).toBeVisible();
  await expect(page.locator('input[name=given_name]')).toHaveValue('Anna');
  await page.getByRole('button', { name: 'Save mine' }).click();
  await expect(page.getByText('Saved', { exact: true })).toBeVisible();
  await expect(page.locator('input[name=family_name]')).toHaveValue('Berg');
  const saved = await api.send<{ given_name: string; family_name: string }>('GET', path);
  expect([saved.given_name, saved.family_name]).toEqual(['Anna', 'Berg']);
});

test('a reset password is the one to log in with', async ({ console: page, api, unique }) => {
  await api.tenant(unique);
  const user = await api.user(unique, { username: 'anna', email: 'anna@example.com', role: 'manager' });
  await open(page, unique, `/${user.id}`);
  await page.getByRole('button', { name: 'Reset password' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('input[name=new_password]').fill('short');
  await dialog.getByRole('button', { name: 'Reset password' }).click();
  await expect(dialog.locator('input[name=new_password]')).toHaveAttribute('aria-invalid', 'true');
  await dialog.getByRole('button', { name: 'Make one' }).click();
  const password = await dialog.locator('input[name=new_password]').inputValue();
  await dialog.getByRole('button', { name: 'Reset password' }).click();
  await expect(page.getByText('anna has a new password')).toBeVisible();
  const answer = await api.raw('POST', '/api/auth/login', { username: 'anna', password, tenant: unique });
  expect(answer.status).toBe(200);
});

test('an import says line by line what is wrong and writes nothing, then all of it', async ({
  console: page,
  api,
  unique,
}) => {
  await api.tenant(unique);
  await api.user(unique, { username: 'anna', email: 'anna@example.com' });
  await open(page, unique);
  await page.getByRole('link', { name: 'Import', exact: true }).first().click();
  const input = page.locator('input[type=file]');
  await input.setInputFiles(
    chosen('ben,not an address,Ben,Berg,member\nanna,anna@example.com,Anna,Alt,member\n'),
  );
  const errors = page.getByRole('region', { name: 'Errors' });
  await expect(errors.getByRole('row', { name: /^2 email/ })).toContainText('ben,not an address');
  await expect(errors.getByRole('row', { name: /^3 / })).toContainText('anna,anna@example.com');
  await expect(page.getByRole('button', { name: /^Import \d/ })).toHaveCount(0);
  expect(await usernames(api, unique)).toEqual(['anna']);

  await page.getByLabel('If a user name exists already').selectOption('update');
  await input.setInputFiles(
    chosen('ben,ben@example.com,Ben,Berg,member\nanna,anna@example.com,Anna,Neu,manager\n'),
  );
  await page.getByRole('button', { name: 'Import 2 users' }).click();
  await expect(page.getByText('The import is done')).toBeVisible();
  await page.getByRole('link', { name: 'To the users' }).click();
  await expect(page.getByRole('row', { name: /anna/ })).toContainText('Manager');
  expect(await usernames(api, unique)).toEqual(['anna', 'ben']);
});

test('a file is imported by keyboard alone', async ({ console: page, api, unique }) => {
  await api.tenant(unique);
  await open(page, unique, '/import');
  await page.locator('input[type=file]').focus();
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
  await chooser.setFiles(chosen('ben,ben@example.com,Ben,Berg,member\n'));
  const button = page.getByRole('button', { name: 'Import 1 user' });
  await button.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByText('The import is done')).toBeVisible();
  expect(await usernames(api, unique)).toEqual(['ben']);
});

test('what a list is narrowed down to stands in its address, and in its export', async ({
  console: page,
  api,
  unique,
}) => {
  await api.tenant(unique);
  await api.user(unique, { username: 'anna', email: 'anna@example.com', role: 'manager' });
  await api.user(unique, { username: 'ben', email: 'ben@example.com' });
  await open(page, unique);
  await page.getByLabel('Role').selectOption('manager');
  await expect(page).toHaveURL(/role=manager/);
  await page.reload();
  await expect(page.getByRole('row', { name: /anna/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /ben/ })).toHaveCount(0);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export CSV' }).click(),
  ]);
  const text = (await import('node:fs')).readFileSync(await download.path(), 'utf8');
  expect(text).toContain('anna@example.com');
  expect(text).not.toContain('ben@example.com');
});
