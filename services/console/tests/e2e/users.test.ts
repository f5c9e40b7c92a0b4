/** A reseller's people: one by one, from a file. */
import { byEveryHand, expect, test, type Page } from '../support/test';

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

byEveryHand(() => {
  test('a user is created, changed, disabled and, by undo, enabled again', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await open(page, unique);
    await hand.press(page.getByRole('link', { name: 'New user' }).first());
    await hand.fill(page.locator('input[name=username]'), 'anna');
    await hand.fill(page.locator('input[name=email]'), 'anna@example.com');
    await hand.choose(page.getByLabel('Role'), 'manager');
    await hand.press(page.getByRole('button', { name: 'Create user' }));
    const row = page.getByRole('row', { name: /anna/ });
    await expect(row).toContainText('Manager');

    await hand.press(row.getByRole('link', { name: 'anna' }));
    await hand.fill(page.locator('input[name=given_name]'), 'Anna');
    await hand.fill(page.locator('input[name=family_name]'), 'Berg');
    await hand.fill(page.locator('input[name=display_name]'), '');
    await hand.press(page.getByRole('button', { name: 'Save' }));
    await expect(page.getByRole('heading', { level: 1, name: 'Anna Berg' })).toBeVisible();
    await expect(page.locator('input[name=display_name]')).toHaveValue('Anna Berg');

    await hand.press(page.getByRole('button', { name: 'Disable' }));
    await expect(page.getByText('anna is disabled and logged out')).toBeVisible();
    await hand.undo();
    await expect(page.getByRole('button', { name: 'Disable' })).toBeVisible();
    const { items } = await api.send<{ items: { status: string }[] }>('GET', `/api/tenants/${unique}/users`);
    expect(items[0]?.status).toBe('active');
  });

  test('a user is created, and deleted after the name was typed', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await open(page, unique);
    await hand.press(page.getByRole('link', { name: 'New user' }).first());
    await hand.fill(page.locator('input[name=username]'), 'ben');
    await hand.fill(page.locator('input[name=email]'), 'ben@example.com');
    await page.keyboard.press('Enter');
    await hand.fromMenu(page.getByRole('button', { name: 'More actions: ben' }), 'Delete user');
    const dialog = page.getByRole('dialog', { name: 'Delete user' });
    await expect(dialog.locator('input[name=confirmation]')).toBeFocused();
    await page.keyboard.type('somebody else');
    await page.keyboard.press('Enter');
    await expect(dialog).toContainText('That is not what is asked for');
    expect(await usernames(api, unique)).toEqual(['ben']);
    await hand.fill(dialog.locator('input[name=confirmation]'), 'ben');
    await hand.press(dialog.getByRole('button', { name: 'Delete user' }));
    await expect(page.getByText('ben is deleted')).toBeVisible();
    expect(await usernames(api, unique)).toEqual([]);
  });

  test('what is refused stands at its field, and nothing typed is lost', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await api.user(unique, { username: 'anna', email: 'anna@example.com' });
    await open(page, unique, '/new');
    await hand.fill(page.locator('input[name=username]'), 'other');
    await hand.fill(page.locator('input[name=email]'), 'anna@example.com');
    await hand.fill(page.locator('input[name=given_name]'), 'Ottilie');
    await hand.press(page.getByRole('button', { name: 'Create user' }));
    const email = page.locator('input[name=email]');
    await expect(email).toHaveAttribute('aria-invalid', 'true');
    await expect(email).toBeFocused();
    await expect(page.locator('input[name=given_name]')).toHaveValue('Ottilie');
  });

  test('two who change one user at once: both are shown, and neither loses what only he changed', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    const user = await api.user(unique, { username: 'anna', email: 'anna@example.com' });
    const path = `/api/tenants/${unique}/users/${user.id}`;
    await open(page, unique, `/${user.id}`);
    await hand.fill(page.locator('input[name=given_name]'), 'Anna');
    await api.send('PATCH', path, { family_name: 'Berg', given_name: 'Anne' });
    await hand.press(page.getByRole('button', { name: 'Save' }));
    await expect(page.getByText(/saved this meanwhile/)).toBeVisible();
    await expect(page.locator('input[name=given_name]')).toHaveValue('Anna');
    await hand.press(page.getByRole('button', { name: 'Save mine' }));
    await expect(page.getByText('Saved', { exact: true })).toBeVisible();
    await expect(page.locator('input[name=family_name]')).toHaveValue('Berg');
    const saved = await api.send<{ given_name: string; family_name: string }>('GET', path);
    expect([saved.given_name, saved.family_name]).toEqual(['Anna', 'Berg']);
  });

  test('a reset password is the one to log in with', async ({ console: page, api, unique, hand }) => {
    await api.tenant(unique);
    const user = await api.user(unique, { username: 'anna', email: 'anna@example.com', role: 'manager' });
    await open(page, unique, `/${user.id}`);
    await hand.press(page.getByRole('button', { name: 'Reset password' }));
    const dialog = page.getByRole('dialog');
    await hand.fill(dialog.locator('input[name=new_password]'), 'short');
    await hand.press(dialog.getByRole('button', { name: 'Reset password' }));
    await expect(dialog.locator('input[name=new_password]')).toHaveAttribute('aria-invalid', 'true');
    await hand.press(dialog.getByRole('button', { name: 'Make one' }));
    const password = await dialog.locator('input[name=new_password]').inputValue();
    await hand.press(dialog.getByRole('button', { name: 'Reset password' }));
    await expect(page.getByText('anna has a new password')).toBeVisible();
    const answer = await api.raw('POST', '/api/auth/login', { username: 'anna', password, tenant: unique });
    expect(answer.status).toBe(200);
  });

  test('an import says line by line what is wrong and writes nothing, then all of it', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await api.user(unique, { username: 'anna', email: 'anna@example.com' });
    await open(page, unique);
    await hand.press(page.getByRole('link', { name: 'Import', exact: true }).first());
    const input = page.locator('input[type=file]');
    await hand.upload(
      input,
      chosen('ben,not an address,Ben,Berg,member\nanna,anna@example.com,Anna,Alt,member\n'),
    );
    const errors = page.getByRole('region', { name: 'Errors' });
    await expect(errors.getByRole('row', { name: /^2 email/ })).toContainText('ben,not an address');
    await expect(errors.getByRole('row', { name: /^3 / })).toContainText('anna,anna@example.com');
    await expect(page.getByRole('button', { name: /^Import \d/ })).toHaveCount(0);
    expect(await usernames(api, unique)).toEqual(['anna']);

    await hand.choose(page.getByLabel('If a user name exists already'), 'update');
    await hand.upload(
      input,
      chosen('ben,ben@example.com,Ben,Berg,member\nanna,anna@example.com,Anna,Neu,manager\n'),
    );
    await hand.press(page.getByRole('button', { name: 'Import 2 users' }));
    await expect(page.getByText('The import is done')).toBeVisible();
    await hand.press(page.getByRole('link', { name: 'To the users' }));
    await expect(page.getByRole('row', { name: /anna/ })).toContainText('Manager');
    expect(await usernames(api, unique)).toEqual(['anna', 'ben']);
  });

  test('what a list is narrowed down to stands in its address, and in its export', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await api.user(unique, { username: 'anna', email: 'anna@example.com', role: 'manager' });
    await api.user(unique, { username: 'ben', email: 'ben@example.com' });
    await open(page, unique);
    await hand.choose(page.getByLabel('Role'), 'manager');
    await expect(page).toHaveURL(/role=manager/);
    await page.reload();
    await expect(page.getByRole('row', { name: /anna/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /ben/ })).toHaveCount(0);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      hand.press(page.getByRole('link', { name: 'Export CSV' })),
    ]);
    const text = (await import('node:fs')).readFileSync(await download.path(), 'utf8');
    expect(text).toContain('anna@example.com');
    expect(text).not.toContain('ben@example.com');
  });
});
