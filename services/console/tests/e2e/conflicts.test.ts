/** Two people change the same: what the slower one typed is kept, told apart from what the other changed, and saved on top. */
import type { AdminInfo, ScheduleInfo, TenantInfo, UserInfo } from '../../src/lib/api/schema';
import { Api } from '../support/api';
import { byEveryHand, expect, logIn, PASSWORD, test, type Page, type Service } from '../support/test';

const admin = (api: Api, username: string, display_name = 'First'): Promise<AdminInfo> =>
  api.send('POST', '/api/admins', { username, role: 'owner', password: PASSWORD, display_name });
const readAdmin = (api: Api, id: string): Promise<AdminInfo> => api.send('GET', `/api/admins/${id}`);

/** A second owner, who is faster. */
async function colleague(api: Api, service: Service, unique: string): Promise<Api> {
  await admin(api, `${unique}-colleague`);
  const other = new Api(service.api);
  await other.login(`${unique}-colleague`, PASSWORD);
  return other;
}

const conflict = (page: Page) => page.getByRole('status').filter({ hasText: /saved this meanwhile/ });
const save = (page: Page) => page.getByRole('button', { name: 'Save', exact: true });

byEveryHand(() => {
  test('two owners change the same of an admin: who it was is told, and the slower one saves over it', async ({
    console: page,
    unique,
    api,
    service,
    hand,
  }) => {
    const { id } = await admin(api, unique);
    const other = await colleague(api, service, unique);
    await page.goto(`/admins/${id}`);
    const name = page.getByLabel('Full name');
    await hand.fill(name, 'Mine');
    await other.send('PATCH', `/api/admins/${id}`, { display_name: 'Theirs', email: 'theirs@example.com' });
    await hand.press(save(page));
    await expect(conflict(page)).toContainText('Somebody else saved this meanwhile');
    await expect(conflict(page)).toContainText(`Saved by ${unique}-colleague, now`);
    await expect(conflict(page)).toContainText('You both changed this:');
    await expect(conflict(page)).toContainText('Saved now: Theirs · Yours: Mine');
    await expect(conflict(page)).toContainText('This was changed too, and stays so when you save:');
    await expect(conflict(page)).toContainText('theirs@example.com');
    await expect(name).toHaveValue('Mine');
    await hand.press(page.getByRole('button', { name: 'Save mine', exact: true }));
    await expect(conflict(page)).toBeHidden();
    await expect(page.getByLabel('E-mail')).toHaveValue('theirs@example.com');
    expect(await readAdmin(api, id)).toMatchObject({ display_name: 'Mine', email: 'theirs@example.com' });
  });

  test('they change different things: nothing clashes, and both are saved', async ({
    console: page,
    unique,
    api,
    service,
    hand,
  }) => {
    const { id } = await admin(api, unique);
    const other = await colleague(api, service, unique);
    await page.goto(`/admins/${id}`);
    await hand.fill(page.getByLabel('Full name'), 'Mine');
    await other.send('PATCH', `/api/admins/${id}`, { email: 'theirs@example.com' });
    await hand.press(save(page));
    await expect(conflict(page)).toContainText('nobody else changed the same');
    await expect(conflict(page)).not.toContainText('Mine');
    await hand.press(page.getByRole('button', { name: 'Save mine as well' }));
    await expect(conflict(page)).toBeHidden();
    await expect(page.getByText('Saved', { exact: true })).toBeVisible();
    expect(await readAdmin(api, id)).toMatchObject({ display_name: 'Mine', email: 'theirs@example.com' });
  });

  test('it was oneself, in another tab: nobody else is blamed', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    const { id } = await admin(api, unique);
    await page.goto(`/admins/${id}`);
    await hand.fill(page.getByLabel('Full name'), 'Here');
    await api.send('PATCH', `/api/admins/${id}`, { display_name: 'There' });
    await hand.press(save(page));
    await expect(conflict(page)).toContainText('You saved this meanwhile, in another tab or elsewhere');
    await expect(conflict(page)).toContainText('You changed this there too:');
    await expect(conflict(page)).toContainText('Saved now: There · Yours: Here');
  });

  test('they change the same to the same: there is nothing to choose', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    const { id } = await admin(api, unique);
    await page.goto(`/admins/${id}`);
    await hand.fill(page.getByLabel('Full name'), 'Ours');
    await api.send('PATCH', `/api/admins/${id}`, { display_name: 'Ours' });
    await hand.press(save(page));
    await expect(conflict(page)).toContainText('nobody else changed the same');
    await hand.press(page.getByRole('button', { name: 'Save mine as well' }));
    await expect(conflict(page)).toBeHidden();
    await expect(save(page)).toBeDisabled();
    await expect(page.getByLabel('Full name')).toHaveValue('Ours');
  });

  test('a schedule that somebody paused meanwhile is saved as well, and the page goes on as after any saving', async ({
    console: page,
    unique,
    api,
    service,
    hand,
  }) => {
    await api.tenant(unique);
    const body = { name: unique, scope: 'tenant', tenant: unique, cron: '0 2 * * *' };
    const { id } = await api.send<ScheduleInfo>('POST', '/api/schedules', body);
    const other = await colleague(api, service, unique);
    await page.goto(`/schedules/${id}/edit`);
    await hand.fill(page.locator('input[name=name]'), `${unique} mine`);
    await other.send('POST', `/api/schedules/${id}/pause`);
    await api.send('POST', `/api/schedules/${id}/run`);
    await hand.press(save(page));
    await expect(conflict(page)).toContainText(`Saved by ${unique}-colleague, now`);
    await hand.press(page.getByRole('button', { name: 'Save mine as well' }));
    await expect(page).toHaveURL(new RegExp(`/schedules/${id}$`));
    const saved = await api.send<ScheduleInfo>('GET', `/api/schedules/${id}`);
    expect(saved.name).toBe(`${unique} mine`);
    expect(saved.paused_at).toBeDefined();
  });

  test.describe('when what was saved cannot be read', () => {
    test.use({ tolerated: [/the server responded with a status of 500/] });

    test('the form says so and keeps what was typed; sent again, it tells the conflict', async ({
      console: page,
      unique,
      api,
      hand,
    }) => {
      const { id } = await admin(api, unique);
      await page.goto(`/admins/${id}`);
      await hand.fill(page.getByLabel('Full name'), 'Mine');
      await page.route(`**/api/admins/${id}`, async (route) => {
        if (route.request().method() !== 'GET') return route.continue();
        const problem = { title: 'Internal error', code: 'internal', detail: 'it is our fault' };
        return route.fulfill({ status: 500, contentType: 'application/problem+json', json: problem });
      });
      await api.send('PATCH', `/api/admins/${id}`, { display_name: 'Theirs' });
      await hand.press(save(page));
      await expect(page.getByRole('alert').filter({ hasText: 'it is our fault' })).toBeVisible();
      await expect(page.getByLabel('Full name')).toHaveValue('Mine');
      await page.unroute(`**/api/admins/${id}`);
      await hand.press(save(page));
      await expect(conflict(page)).toContainText('Saved now: Theirs · Yours: Mine');
    });
  });
});

test("a manager reads in his own reseller's log who changed a user; who changed the reseller is the platform's to know", async ({
  page,
  unique,
  api,
}) => {
  await api.tenant(unique);
  const manager = { username: 'mara', email: 'm@example.com', password: PASSWORD, role: 'manager' } as const;
  await api.user(unique, manager);
  const { id } = await api.user(unique, { username: 'anna', email: 'anna@example.com' });
  await logIn(page, { username: 'mara', tenant: unique });

  await page.goto(`/users/${id}`);
  await page.locator('input[name=given_name]').fill('Mine');
  await api.send<UserInfo>('PATCH', `/api/tenants/${unique}/users/${id}`, { family_name: 'Theirs' });
  await save(page).click();
  await expect(conflict(page)).toContainText('Saved by admin, now');
  await page.getByRole('button', { name: 'Take what is saved' }).click();
  await expect(conflict(page)).toBeHidden();

  await page.goto('/reseller/settings');
  await page.locator('input[name=contact_name]').fill('Mine');
  await api.send<TenantInfo>('PATCH', `/api/tenants/${unique}`, { contact_phone: '+49 30 1234' });
  await save(page).first().click();
  // The button stands far below.
  await expect(conflict(page)).toBeInViewport();
  await expect(conflict(page)).toContainText('Somebody saved this meanwhile');
  await expect(conflict(page)).toContainText('+49 30 1234');
  await expect(conflict(page)).not.toContainText('Saved by');
});
