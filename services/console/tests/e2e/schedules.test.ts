/** Schedules: built from choices, shown in words before they are saved, paused, run, changed and deleted. */
import { compose, parse, turned } from '../../src/routes/schedules/cron';
import type { ScheduleInfo } from '../../src/lib/api/schema';
import type { Api } from '../support/api';
import { expect, test } from '../support/test';

const make = (api: Api, unique: string, more: object = {}): Promise<ScheduleInfo> =>
  api.send('POST', '/api/schedules', {
    name: `Nightly ${unique}`,
    scope: 'tenant',
    tenant: unique,
    cron: '30 2 * * *',
    time_zone: 'Europe/Berlin',
    ...more,
  });

const read = (api: Api, id: string): Promise<ScheduleInfo> => api.send('GET', `/api/schedules/${id}`);

test('an expression and its parts say the same, and what is none of the choices is left as it is', () => {
  for (const cron of ['0 * * * *', '5 */6 * * *', '30 2 * * *', '0 6 * * 1,3,5', '15 4 31 * *']) {
    expect(parse(cron).kind).not.toBe('custom');
    expect(compose(parse(cron)), cron).toBe(cron);
  }
  expect(compose(parse('0 6 * * 1-5'))).toBe('0 6 * * 1,2,3,4,5');
  expect(compose(parse('0 6 * * 7'))).toBe('0 6 * * 0');
  expect(compose(parse('@daily'))).toBe('0 0 * * *');
  for (const own of [
    '*/5 * * * *',
    '0 0 1 1 *',
    '0 0 1 * 1',
    '0 */5 * * *',
    'nonsense',
    '61 2 * * *',
    '0 2 0 * *',
  ])
    expect(parse(own), own).toEqual({ kind: 'custom', cron: own });
  expect(compose(turned(parse('30 2 * * *'), 'weekly'))).toBe('30 2 * * 1,2,3,4,5');
});

test('a schedule is built with its next times in sight, and is what it said', async ({
  console: page,
  api,
  unique,
}) => {
  await api.tenant(unique);
  await page.goto(`/resellers/${unique}/schedules`);
  await page.getByRole('link', { name: 'New schedule' }).first().click();
  await page.locator('input[name=name]').fill(`Weekdays ${unique}`);
  await page.getByLabel('How often').selectOption('weekly');
  await page.getByLabel('Fri').uncheck();
  await page.locator('input[name=time]').fill('06:15');
  await page.getByRole('combobox', { name: 'On whose clock' }).fill('berlin');
  await page.getByRole('option', { name: 'Europe/Berlin' }).click();
  await expect(page.getByText('Monday to Thursday at 06:15 (Europe/Berlin)')).toBeVisible();
  await page.locator('input[name=jitter]').fill('10');
  await page.locator('input[name=keep_last]').fill('5');
  await page.getByRole('button', { name: 'Create schedule' }).click();
  await expect(page.getByRole('heading', { level: 1, name: `Weekdays ${unique}` })).toBeVisible();
  const { items } = await api.send<{ items: ScheduleInfo[] }>('GET', `/api/schedules?tenant=${unique}`);
  expect(items[0]).toMatchObject({
    cron: '15 6 * * 1,2,3,4',
    time_zone: 'Europe/Berlin',
    jitter_seconds: 600,
    scope: 'tenant',
    tenant: unique,
    retention: { keep_last: 5, daily: 7, weekly: 4, monthly: 6 },
  });
});

test('a timing that cannot be read is refused at its field before anything is saved', async ({
  console: page,
  unique,
}) => {
  await page.goto('/schedules/new');
  await page.locator('input[name=name]').fill(`Odd ${unique}`);
  await page.getByLabel('How often').selectOption('custom');
  await page.locator('input[name=cron]').fill('0 0 31 2 *');
  await expect(page.locator('input[name=cron]')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByText('failed to find a day on which it fires')).toBeVisible();
  await page.getByRole('button', { name: 'Create schedule' }).click();
  await expect(page.locator('input[name=cron]')).toBeFocused();
  await expect(page.locator('input[name=name]')).toHaveValue(`Odd ${unique}`);
});

test('it is run now and its backups are to be seen, paused and by undo resumed', async ({
  console: page,
  api,
  unique,
}) => {
  await api.tenant(unique);
  const { id } = await make(api, unique);
  await page.goto(`/schedules/${id}`);
  await page.getByRole('button', { name: 'Run now' }).click();
  const row = page.getByRole('row', { name: /By hand: admin/ });
  await expect(row).toContainText('1 verified');
  await row.getByRole('link').click();
  await expect(page.getByRole('row', { name: new RegExp(`${unique} Verified`) })).toBeVisible();

  await page.goto('/schedules');
  const line = page.getByRole('row', { name: new RegExp(unique) });
  await line.getByRole('button', { name: /More actions/ }).click();
  await page.getByRole('menuitem', { name: 'Pause' }).click();
  await expect(line).toContainText('Paused');
  expect((await read(api, id)).paused_at).toBeDefined();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(line).toContainText('Active');
  expect((await read(api, id)).paused_at).toBeUndefined();
});

test('by keyboard alone a schedule is made, and deleted after its name was typed', async ({
  console: page,
  api,
  unique,
}) => {
  await page.goto('/schedules');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.keyboard.press('n');
  await page.locator('input[name=name]').focus();
  await page.keyboard.type(`Mine ${unique}`);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: `Mine ${unique}` })).toBeVisible();
  await page.getByRole('button', { name: 'More actions' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Delete schedule' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('input[name=confirmation]').waitFor();
  await page.keyboard.type(`Mine ${unique}`);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Schedules' })).toBeVisible();
  const { items } = await api.send<{ items: ScheduleInfo[] }>('GET', '/api/schedules?limit=500');
  expect(items.map(({ name }) => name)).not.toContain(`Mine ${unique}`);
});

test('a change beside another one loses neither', async ({ console: page, api, unique }) => {
  await api.tenant(unique);
  const { id } = await make(api, unique);
  await page.goto(`/schedules/${id}/edit`);
  await page.locator('input[name=name]').fill(`Renamed ${unique}`);
  await api.send('PATCH', `/api/schedules/${id}`, { cron: '0 4 * * *' });
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Somebody else saved this meanwhile')).toBeVisible();
  await page.getByRole('button', { name: 'Save mine' }).click();
  await expect(page.getByText('Somebody else saved this meanwhile')).toHaveCount(0);
  await expect.poll(async () => (await read(api, id)).name).toBe(`Renamed ${unique}`);
  expect((await read(api, id)).cron).toBe('0 4 * * *');
});
