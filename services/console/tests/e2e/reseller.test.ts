/** One reseller: its settings, its limits, its retention, and what hurts. */
import type { TenantInfo } from '../../src/lib/api/schema';
import type { Api } from '../support/api';
import { byEveryHand, expect, PASSWORD, test } from '../support/test';

const read = (api: Api, slug: string): Promise<TenantInfo> => api.send('GET', `/api/tenants/${slug}`);

byEveryHand(() => {
  test('the overview tells the newest verified backup, and asks for one where there is none', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await page.goto(`/resellers/${unique}`);
    await expect(page.getByText('No verified backup')).toBeVisible();
    await hand.press(page.getByRole('link', { name: 'Back up now' }));
    await hand.press(page.getByRole('button', { name: 'Back up now' }));
    await expect(page.getByRole('row', { name: new RegExp(`${unique} Verified`) })).toBeVisible();
    const parts = page.getByRole('navigation', { name: 'Parts of the reseller' });
    await hand.press(parts.getByRole('link', { name: 'Overview' }));
    await expect(page.getByText('No verified backup')).toHaveCount(0);
    await expect(page.getByText('Verified', { exact: true })).toBeVisible();
  });

  test('settings are saved, limits too, and a new short name moves the page', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await page.goto(`/resellers/${unique}/settings`);
    await hand.fill(page.locator('input[name=contact_email]'), 'not an address');
    await hand.fill(page.locator('input[name=quota_users]'), '25');
    await hand.fill(page.locator('input[name=quota_bytes]'), '512');
    await hand.fill(page.locator('input[name=tags]'), 'eu, premium');
    await hand.fill(page.locator('input[name=slug]'), `${unique}-new`);
    const save = page.getByRole('button', { name: 'Save' }).first();
    await hand.press(save);
    await expect(page.locator('input[name=contact_email]')).toHaveAttribute('aria-invalid', 'true');
    expect((await read(api, unique)).quota_users).toBeUndefined();
    await hand.fill(page.locator('input[name=contact_email]'), 'post@example.com');
    await hand.press(save);
    await expect(page).toHaveURL(new RegExp(`/resellers/${unique}-new/settings`));
    await expect(page.locator('input[name=quota_users]')).toHaveValue('25');
    expect(await read(api, `${unique}-new`)).toMatchObject({
      contact_email: 'post@example.com',
      quota_users: 25,
      quota_bytes: 512 * 1024 * 1024,
      tags: ['eu', 'premium'],
    });
  });

  test('unsaved settings are kept when one means to leave and thinks better of it', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await page.goto(`/resellers/${unique}/settings`);
    await hand.fill(page.locator('input[name=name]'), 'Half typed');
    page.once('dialog', (dialog) => void dialog.dismiss());
    const parts = page.getByRole('navigation', { name: 'Parts of the reseller' });
    await hand.press(parts.getByRole('link', { name: 'Overview' }));
    await expect(page).toHaveURL(/settings$/);
    await expect(page.locator('input[name=name]')).toHaveValue('Half typed');
  });

  test('retention shows which backups go before it is saved', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    const { id } = await api.send<{ id: string }>('POST', '/api/schedules', {
      name: `Nightly ${unique}`,
      scope: 'tenant',
      tenant: unique,
      cron: '0 2 * * *',
    });
    for (const name of ['one', 'two', 'three']) {
      const run = await api.send<{ id: string }>('POST', `/api/schedules/${id}/run`);
      await api.ended(`/api/schedules/${id}/runs/${run.id}`);
      await api.user(unique, { username: name, email: `${name}@example.com` });
    }
    await page.goto(`/resellers/${unique}/settings`);
    const section = page.locator('#retention');
    await expect(section.getByText('Nothing goes within two months.')).toBeVisible();
    await hand.choose(section.getByLabel('Whose rules hold'), 'own');
    await hand.fill(section.locator('input[name=keep_last]'), '1');
    await expect(section.getByText(/^2 backups go within two months/)).toBeVisible();
    await hand.press(section.locator('summary').first());
    await expect(section.getByRole('listitem').first()).toContainText('as of');
    await hand.press(section.getByRole('button', { name: 'Save' }));
    await expect(page.getByText('It removes nothing for a day')).toBeVisible();
    const { policy } = await api.send<{ policy: { keep_last: number } }>(
      'GET',
      `/api/tenants/${unique}/retention`,
    );
    expect(policy.keep_last).toBe(1);

    await hand.fill(section.locator('input[name=keep_last]'), '');
    await hand.press(section.getByRole('button', { name: 'Save' }));
    await expect(section.getByRole('alert').first()).toBeVisible();
  });

  test('a wrong recipient is named by its line, a right one is saved', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    const key = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';
    await api.tenant(unique);
    await page.goto(`/resellers/${unique}/settings`);
    const field = page.locator('textarea[name=recipients]');
    const form = page.locator('form').filter({ has: field });
    await hand.fill(field, `${key}\n\nnonsense`);
    await hand.press(form.getByRole('button', { name: 'Save' }));
    await expect(form.getByText(/Line 3: must be/)).toBeVisible();
    await hand.fill(field, key);
    await hand.press(form.getByRole('button', { name: 'Save' }));
    await expect(page.getByText('Saved', { exact: true })).toBeVisible();
    const { recipients } = await api.send<{ recipients: string[] }>(
      'GET',
      `/api/tenants/${unique}/backup-recipients`,
    );
    expect(recipients).toEqual([key]);
  });

  test('it is suspended by its typed name, and by undo active again', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await page.goto(`/resellers/${unique}/danger`);
    await hand.press(page.getByRole('button', { name: 'Suspend' }));
    const dialog = page.getByRole('dialog');
    await hand.fill(dialog.getByLabel(/^Reason/), 'Unpaid bills');
    await hand.fill(dialog.locator('input[name=confirmation]'), 'another');
    await hand.press(dialog.getByRole('button', { name: 'Suspend' }));
    await expect(dialog).toContainText('That is not what is asked for');
    expect((await read(api, unique)).status).toBe('active');
    await hand.fill(dialog.locator('input[name=confirmation]'), unique);
    await hand.press(dialog.getByRole('button', { name: 'Suspend' }));
    await expect(page.getByText('Unpaid bills')).toBeVisible();
    expect(await read(api, unique)).toMatchObject({ status: 'suspended', status_reason: 'Unpaid bills' });
    await hand.undo();
    await expect(page.getByText('Unpaid bills')).toHaveCount(0);
    expect((await read(api, unique)).status).toBe('active');
  });

  test('protected it stays; then it goes to the trash and comes back', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique, { delete_protection: true });
    await page.goto(`/resellers/${unique}/danger`);
    await expect(page.getByRole('button', { name: 'Delete reseller' })).toBeDisabled();
    await hand.press(page.getByRole('button', { name: 'Lift the protection' }));
    await hand.press(page.getByRole('button', { name: 'Delete reseller' }));
    await expect(page.locator('input[name=confirmation]')).toBeFocused();
    await page.keyboard.type(unique);
    const password = page.getByRole('dialog').locator('input[name=password]');
    await hand.fill(password, 'a wrong password here');
    await page.keyboard.press('Enter');
    await expect(password).toHaveAttribute('aria-invalid', 'true');
    expect((await read(api, unique)).deleted_at).toBeUndefined();
    await hand.fill(password, PASSWORD);
    await page.keyboard.press('Enter');
    const back = page.getByRole('button', { name: 'Take it out of the trash' });
    await expect(back).toBeVisible();
    expect((await read(api, unique)).deleted_at).toBeDefined();
    await hand.press(back);
    await expect(page.getByText('This reseller is in the trash')).toHaveCount(0);
    expect((await read(api, unique)).deleted_at).toBeUndefined();
  });
});
