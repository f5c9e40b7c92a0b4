/** What the predecessor failed at, walked as a person walks it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { byEveryHand, expect, test } from '../support/test';

byEveryHand(() => {
  test('a reseller that was created is still there when one comes back, and so is its manager', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await hand.press(page.getByRole('link', { name: 'Resellers' }));
    await hand.press(page.getByRole('link', { name: 'New reseller' }).first());
    await hand.fill(page.getByLabel('Name', { exact: true }), `Müller ${unique}`);
    await expect(page.locator('input[name=slug]')).toHaveValue(`mueller-${unique}`);
    await hand.fill(page.locator('input[name=username]'), 'anna');
    await hand.fill(page.locator('input[name=email]'), 'anna@example.com');
    await hand.press(page.getByRole('button', { name: 'Make one' }));
    await hand.press(page.getByRole('button', { name: 'Create reseller' }));
    await expect(page).toHaveURL(new RegExp(`/resellers/mueller-${unique}$`));

    const rail = page.getByRole('navigation', { name: 'Navigation' });
    await hand.press(rail.getByRole('link', { name: 'Backups', exact: true }));
    await expect(page.getByRole('heading', { level: 1, name: 'Backups' })).toBeVisible();
    await hand.press(rail.getByRole('link', { name: 'Resellers', exact: true }));
    await expect(page.getByRole('row', { name: new RegExp(unique) })).toBeVisible();
    await page.reload();
    await expect(page.getByRole('row', { name: new RegExp(unique) })).toBeVisible();

    const { items } = await api.send<{ items: { username: string; role: string }[] }>(
      'GET',
      `/api/tenants/mueller-${unique}/users`,
    );
    expect(items.map(({ username, role }) => `${username} ${role}`)).toEqual(['anna manager']);
  });

  test('a backup is in the list at once, survives a reload, and what is downloaded is what was recorded', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    await hand.press(page.getByRole('link', { name: 'Backups', exact: true }));
    await hand.press(page.getByRole('button', { name: 'New backup' }).first());
    await hand.find(page.getByRole('combobox', { name: 'Reseller' }), unique, new RegExp(unique));
    await hand.press(page.getByRole('button', { name: 'Back up now' }));
    const row = page.getByRole('row', { name: new RegExp(unique) });
    await expect(row).toBeVisible();
    await page.reload();
    await expect(row).toContainText('Verified');

    await hand.press(row.getByRole('button', { name: /More actions/ }));
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      hand.press(page.getByRole('menuitem', { name: 'Download' })),
    ]);
    const { items } = await api.send<{ items: { id: string; sha256: string; bytes: number }[] }>(
      'GET',
      `/api/backups?tenant=${unique}`,
    );
    const file = readFileSync(await download.path());
    expect(file.length).toBe(items[0]?.bytes);
    expect(createHash('sha256').update(file).digest('hex')).toBe(items[0]?.sha256);
  });
});
