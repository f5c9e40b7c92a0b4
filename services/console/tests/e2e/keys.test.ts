/** What opens ChiliView besides a password: API keys, a second factor; and who is inside already. */
import { byEveryHand, expect, logIn, PASSWORD, test } from '../support/test';
import { codeOf } from '../support/totp';

byEveryHand(() => {
  test('a key is created with the password, shown once, works, and is refused once it is revoked', async ({
    console: page,
    unique,
    service,
    hand,
  }) => {
    await hand.press(page.getByRole('link', { name: 'API keys' }));
    await hand.press(page.getByRole('button', { name: 'New API key' }).first());
    const dialog = page.getByRole('dialog', { name: 'New API key' });
    await hand.fill(dialog.getByLabel('Name'), unique);
    await hand.fill(dialog.locator('input[name=password]'), 'not the right one at all');
    await hand.press(dialog.getByRole('button', { name: 'Create key' }));
    await expect(dialog.locator('input[name=password]')).toHaveAccessibleDescription(/is wrong/);
    await expect(dialog.getByLabel('Name')).toHaveValue(unique);
    await hand.fill(dialog.locator('input[name=password]'), PASSWORD);
    await hand.press(dialog.getByRole('button', { name: 'Create key' }));
    const token = await page.getByRole('dialog', { name: 'The token' }).locator('[data-secret]').innerText();
    expect(token).toMatch(/^cvk_/);
    await hand.press(page.getByRole('button', { name: 'I have kept it' }));

    const ask = (): Promise<Response> =>
      fetch(`${service.api}/api/tenants`, { headers: { authorization: `Bearer ${token}` } });
    expect((await ask()).status).toBe(200);
    const row = page.getByRole('row', { name: new RegExp(unique) });
    await hand.press(row.getByRole('button', { name: `Revoke: ${unique}` }));
    await hand.fill(page.getByRole('dialog').getByRole('textbox'), unique);
    await hand.press(page.getByRole('dialog').getByRole('button', { name: 'Revoke' }));
    await expect(row).toHaveCount(0);
    expect((await ask()).status).toBe(401);
  });

  test('a second factor is set up: from then on a log-in needs its code', async ({
    page,
    unique,
    api,
    hand,
  }) => {
    await api.send('POST', '/api/admins', { username: unique, role: 'operator', password: PASSWORD });
    await logIn(page, { username: unique });
    await page.goto('/account');
    await hand.press(page.getByRole('button', { name: 'Set up second factor' }));
    const dialog = page.getByRole('dialog', { name: 'Set up second factor' });
    await expect(dialog.locator('input[name=password]')).toBeFocused();
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await expect(dialog.getByRole('img', { name: /QR code/ })).toBeVisible();
    const secret = await dialog.locator('code').innerText();
    await hand.fill(dialog.locator('input[name=code]'), '000000');
    await page.keyboard.press('Enter');
    await expect(dialog.locator('input[name=code]')).toHaveAccessibleDescription(/code is wrong/);
    await hand.fill(dialog.locator('input[name=code]'), codeOf(secret));
    await page.keyboard.press('Enter');
    const codes = page.getByRole('dialog', { name: 'Recovery codes' }).locator('[data-secret]');
    await expect(codes.first()).toBeVisible();
    const recovery = await codes.first().innerText();
    await hand.press(page.getByRole('button', { name: 'I have kept them' }));
    await expect(page.getByText(/recovery codes left/)).toBeVisible();

    const login = (code?: string): Promise<Response> =>
      api.raw('POST', '/api/auth/login', { username: unique, password: PASSWORD, code });
    const without = await login();
    expect(without.status).toBe(401);
    expect(await without.text()).toContain('totp_required');
    expect((await login(recovery)).status).toBe(200);
  });

  test("an owner sees everybody's sessions and ends one", async ({
    console: page,
    unique,
    service,
    api,
    hand,
  }) => {
    await api.send('POST', '/api/admins', { username: unique, role: 'auditor', password: PASSWORD });
    const answer = await api.raw('POST', '/api/auth/login', { username: unique, password: PASSWORD });
    const { token } = (await answer.json()) as { token: string };
    await page.goto('/sessions/all');
    const row = page.getByRole('row', { name: new RegExp(unique) });
    await hand.press(row.getByRole('button', { name: /^End/ }));
    await expect(row).toHaveCount(0);
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${service.api}/api/auth/session`, { headers })).status).toBe(401);
  });
});

test('settings tell where each comes from, and no secret', async ({ console: page }) => {
  await page.goto('/settings');
  const row = page.getByRole('row', { name: /data_dir/ });
  await expect(row).toContainText('Environment');
  await page.goto('/about');
  await expect(page.getByText('sqlite', { exact: false }).first()).toBeVisible();
});
