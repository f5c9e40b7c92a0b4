/** Admins, one's own account and sessions: who may come in, and how that ends. */
import { byEveryHand, expect, fillLogin, logIn, PASSWORD, test, type Page } from '../support/test';
import type { Api } from '../support/api';
import type { AdminInfo, NewAdmin } from '../../src/lib/api/schema';

const admin = (api: Api, username: string, more: Partial<NewAdmin> = {}): Promise<AdminInfo> =>
  api.send('POST', '/api/admins', { username, role: 'operator', password: PASSWORD, ...more });

const title = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name });

byEveryHand(() => {
  test('an admin is created, and can log in with the password that was made', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await hand.press(page.getByRole('link', { name: 'Admins' }));
    await hand.press(page.getByRole('button', { name: 'New admin' }));
    const dialog = page.getByRole('dialog', { name: 'New admin' });
    await hand.fill(dialog.getByLabel('User name'), unique);
    await hand.choose(dialog.getByLabel('Role'), 'auditor');
    await hand.press(dialog.getByRole('button', { name: 'Make one' }));
    const password = await dialog.locator('input[name=new_password]').inputValue();
    await hand.press(dialog.getByRole('button', { name: 'Create admin' }));
    await expect(dialog).toBeHidden();
    await hand.fill(page.getByRole('searchbox'), unique);
    await expect(page.getByRole('row', { name: new RegExp(`${unique}.*Auditor`) })).toBeVisible();
    await api.login(unique, password);
  });

  test('a taken name is told at its field, and nothing else that was typed is lost', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await admin(api, unique);
    await hand.press(page.getByRole('link', { name: 'Admins' }));
    await hand.press(page.getByRole('button', { name: 'New admin' }));
    const username = page.getByLabel('User name');
    await expect(username).toBeFocused();
    await hand.fill(username, unique);
    await hand.fill(page.getByLabel('Full name'), 'Kim Keyboard');
    await hand.fill(page.locator('input[name=new_password]'), PASSWORD);
    await hand.press(page.getByRole('button', { name: 'Create admin' }));
    await expect(username).toHaveAccessibleDescription(/another admin has this username/);
    await expect(username).toBeFocused();
    await expect(page.getByLabel('Full name')).toHaveValue('Kim Keyboard');
    await hand.fill(username, `${unique}x`);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog')).toBeHidden();
    const { items } = await api.send<{ items: AdminInfo[] }>('GET', `/api/admins?q=${unique}x`);
    expect(items.map(({ display_name }) => display_name)).toEqual(['Kim Keyboard']);
  });

  test('an admin is disabled, and comes back by undo', async ({ console: page, unique, api, hand }) => {
    const { id } = await admin(api, unique);
    await page.goto(`/admins/${id}`);
    await hand.press(page.getByRole('button', { name: 'Disable' }));
    await expect(page.getByText('Disabled', { exact: true })).toBeVisible();
    expect((await api.send<AdminInfo>('GET', `/api/admins/${id}`)).disabled).toBe(true);
    await hand.undo();
    await expect(page.getByText('Active', { exact: true })).toBeVisible();
    expect((await api.send<AdminInfo>('GET', `/api/admins/${id}`)).disabled).toBe(false);
  });

  test('a reset password works, and the old one does not', async ({
    console: page,
    unique,
    api,
    service,
    hand,
  }) => {
    const { id } = await admin(api, unique);
    await page.goto(`/admins/${id}`);
    await hand.press(page.getByRole('button', { name: 'Reset password' }));
    const dialog = page.getByRole('dialog');
    await hand.fill(dialog.locator('input[name=new_password]'), 'another long phrase of words');
    await hand.press(dialog.getByRole('button', { name: 'Reset password' }));
    await expect(dialog).toBeHidden();
    const login = (password: string): Promise<Response> =>
      fetch(`${service.api}/api/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: unique, password }),
      });
    expect((await login(PASSWORD)).status).toBe(401);
    expect((await login('another long phrase of words')).status).toBe(200);
  });

  test('an admin is deleted only after the name was typed', async ({ console: page, unique, api, hand }) => {
    const { id } = await admin(api, unique);
    await page.goto(`/admins/${id}`);
    await hand.press(page.getByRole('button', { name: 'Delete admin' }));
    const dialog = page.getByRole('dialog');
    await hand.fill(dialog.getByRole('textbox'), 'somebody');
    await hand.press(dialog.getByRole('button', { name: 'Delete admin' }));
    await expect(dialog.getByText('That is not what is asked for')).toBeVisible();
    await hand.fill(dialog.getByRole('textbox'), unique);
    await hand.press(dialog.getByRole('button', { name: 'Delete admin' }));
    await expect(title(page, 'Admins')).toBeVisible();
    expect((await api.raw('GET', `/api/admins/${id}`)).status).toBe(404);
  });
});

test('an auditor reads admins and is offered nothing to change', async ({ page, unique, api }) => {
  const { id } = await admin(api, unique, { role: 'auditor' });
  await logIn(page, { username: unique });
  await page.goto('/admins');
  await expect(page.getByRole('row', { name: new RegExp(unique) })).toBeVisible();
  await expect(page.getByRole('button', { name: 'New admin' })).toHaveCount(0);
  await page.goto(`/admins/${id}`);
  await expect(page.getByLabel('Full name')).toBeDisabled();
  await expect(page.getByRole('button', { name: /Save|Delete|Disable|Reset/ })).toHaveCount(0);
});

byEveryHand(() => {
  test('one changes the own password: a wrong one is told at its field, the right one ends the other sessions', async ({
    page,
    unique,
    api,
    service,
    hand,
  }) => {
    await admin(api, unique);
    const elsewhere = await fetch(`${service.api}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'curl/8.5.0' },
      body: JSON.stringify({ username: unique, password: PASSWORD }),
    });
    const { token } = (await elsewhere.json()) as { token: string };
    await logIn(page, { username: unique });
    await page.goto('/account');
    await expect(page.getByRole('row', { name: /curl/ })).toBeVisible();
    const next = 'quite another phrase of words';
    await hand.fill(page.locator('input[name=current]'), 'not the right one at all');
    await hand.fill(page.locator('input[name=new]'), next);
    await hand.fill(page.locator('input[name=again]'), next);
    await hand.press(page.getByRole('button', { name: 'Change password' }));
    await expect(page.locator('input[name=current]')).toHaveAccessibleDescription(
      /not your present password/,
    );
    await expect(page.locator('input[name=new]')).toHaveValue(next);
    await hand.fill(page.locator('input[name=current]'), PASSWORD);
    await hand.press(page.getByRole('button', { name: 'Change password' }));
    await expect(page.getByText('The password is changed', { exact: false })).toBeVisible();
    await expect(page.getByRole('row', { name: /curl/ })).toHaveCount(0);
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${service.api}/api/auth/session`, { headers })).status).toBe(401);
  });

  test('one ends a session of another device', async ({ page, unique, api, service, hand }) => {
    await admin(api, unique);
    await fetch(`${service.api}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'curl/8.5.0' },
      body: JSON.stringify({ username: unique, password: PASSWORD }),
    });
    await logIn(page, { username: unique });
    await hand.press(page.getByRole('link', { name: 'Sessions' }));
    await expect(title(page, 'Sessions')).toBeFocused();
    await hand.press(page.getByRole('button', { name: /^End: curl/ }));
    await expect(page.getByText('The session is ended')).toBeVisible();
    await expect(page.getByRole('row', { name: /curl/ })).toHaveCount(0);
    await expect(page.getByRole('row', { name: /Chrome.*This one/ })).toBeVisible();
  });

  test("a reseller's manager changes the own name, and a member reads the own account", async ({
    page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    const person = { email: 'a@example.com', password: PASSWORD };
    await api.user(unique, { ...person, username: 'mara', role: 'manager' });
    await api.user(unique, { ...person, username: 'mo', email: 'b@example.com', role: 'member' });
    await logIn(page, { username: 'mara', tenant: unique });
    await page.goto('/account');
    await hand.fill(page.getByLabel('Full name'), 'Mara Meier');
    await hand.press(page.getByRole('button', { name: 'Save', exact: true }));
    await expect(page.getByText('Saved', { exact: true })).toBeVisible();
    await page.reload();
    await expect(page.getByLabel('Full name')).toHaveValue('Mara Meier');
    await page.context().clearCookies();
    await page.goto('/');
    await fillLogin(page, 'mo', PASSWORD, unique);
    await expect(title(page, 'Your account')).toBeVisible();
    await expect(page.getByText('A manager changes name and e-mail.')).toBeVisible();
  });
});
