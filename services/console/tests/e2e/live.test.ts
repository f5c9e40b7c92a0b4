/** What one person does, another sees without doing anything. */
import { expect, logIn, test } from '../support/test';
import { watch } from '../support/watch';

test('two browsers: a backup that one asks for shows in the other, through its phases to the end', async ({
  console: page,
  browser,
  unique,
  api,
  baseURL,
}) => {
  await api.tenant(unique);
  const context = await browser.newContext({ baseURL });
  const other = await context.newPage();
  const complaints = await watch(other);
  await logIn(other);
  await other.goto('/backups');
  await expect(other.locator('[data-connection=live]')).toBeVisible();

  await page.goto(`/backups?new=1&reseller=${unique}`);
  await page.getByRole('button', { name: 'Back up now' }).click();
  await expect(other.getByRole('row', { name: new RegExp(unique) })).toContainText('Verified');
  await expect(page.getByRole('row', { name: new RegExp(unique) })).toContainText('Verified');
  expect(complaints).toEqual([]);
  await context.close();
});

test('two browsers: a reseller that one creates shows in the list of the other', async ({
  console: page,
  unique,
  api,
}) => {
  await page.goto(`/resellers?q=${unique}`);
  await expect(page.locator('[data-connection=live]')).toBeVisible();
  await expect(page.getByText('Nothing matches')).toBeVisible();
  await api.tenant(unique);
  await expect(page.getByRole('row', { name: new RegExp(unique) })).toBeVisible();
});

test('two browsers: a run that one fires goes on in the other, backup by backup to the end', async ({
  console: page,
  unique,
  api,
}) => {
  await api.tenant(unique);
  const body = { name: unique, scope: 'tenant', tenant: unique, cron: '0 2 * * *' };
  const { id } = await api.send<{ id: string }>('POST', '/api/schedules', body);
  await page.goto(`/schedules/${id}`);
  await expect(page.locator('[data-connection=live]')).toBeVisible();
  await expect(page.getByText('It has not run yet')).toBeVisible();
  await api.send('POST', `/api/schedules/${id}/run`);
  await expect(page.getByRole('row', { name: /Done 1 verified/ })).toBeVisible();
});

test('a migration of all databases is told in the feed', async ({ console: page, unique, api }) => {
  await api.tenant(unique);
  await page.goto('/events');
  await expect(page.locator('[data-connection=live]')).toBeVisible();
  const { id } = await api.send<{ id: string }>('POST', '/api/fleet-migrations');
  await api.ended(`/api/fleet-migrations/${id}`);
  const line = page
    .getByRole('listitem')
    .filter({ hasText: 'Migration of the databases' })
    .filter({ hasText: /Done [\d,]+ of [\d,]+ databases/ });
  await expect(line.getByRole('link')).toHaveAttribute('href', '/jobs?kind=migrate_fleet');
  await page.locator('select[name=kind]').selectOption('fleet_migration');
  await expect(line).toBeVisible();
});

test.describe('without the stream', () => {
  test.use({ tolerated: [/ERR_FAILED|ERR_BLOCKED|EventSource/] });

  test('the page asks by itself, and says so', async ({ page, unique, api }) => {
    await page.route('**/api/events', (route) => route.abort());
    await logIn(page);
    await page.goto('/backups');
    await expect(page.locator('[data-connection=polling]')).toBeVisible();
    await api.tenant(unique);
    await api.backup(unique);
    await expect(page.getByRole('row', { name: new RegExp(unique) })).toContainText('Verified', {
      timeout: 15_000,
    });
  });
});
