/** Schedules: built from choices, shown in words before they are saved, paused, run, changed and deleted. */
import { compose, parse, turned } from '../../src/routes/schedules/cron';
import type { ScheduleInfo } from '../../src/lib/api/schema';
import type { Api } from '../support/api';
import { byEveryHand, expect, test } from '../support/test';

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

byEveryHand(() => {
  test('a schedule is built with its next times in sight, and is what it said', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await page.goto(`/resellers/${unique}/schedules`);
    await hand.press(page.getByRole('link', { name: 'New schedule' }).first());
    await hand.fill(page.locator('input[name=name]'), `Weekdays ${unique}`);
    await hand.choose(page.getByLabel('How often'), 'weekly');
    await hand.tick(page.getByLabel('Fri'), false);
    await hand.fill(page.locator('input[name=time]'), '06:15');
    await hand.find(page.getByRole('combobox', { name: 'On whose clock' }), 'berlin', 'Europe/Berlin');
    await expect(page.getByText('Monday to Thursday at 06:15 (Europe/Berlin)')).toBeVisible();
    await hand.fill(page.locator('input[name=jitter]'), '10');
    await hand.fill(page.locator('input[name=keep_last]'), '5');
    await hand.press(page.getByRole('button', { name: 'Create schedule' }));
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
    hand,
  }) => {
    await page.goto('/schedules/new');
    await hand.fill(page.locator('input[name=name]'), `Odd ${unique}`);
    await hand.choose(page.getByLabel('How often'), 'custom');
    await hand.fill(page.locator('input[name=cron]'), '0 0 31 2 *');
    await expect(page.locator('input[name=cron]')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByText('failed to find a day on which it fires')).toBeVisible();
    await hand.press(page.getByRole('button', { name: 'Create schedule' }));
    await expect(page.locator('input[name=cron]')).toBeFocused();
    await expect(page.locator('input[name=name]')).toHaveValue(`Odd ${unique}`);
  });

  test('it is run now and its backups are to be seen, paused and by undo resumed', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    const { id } = await make(api, unique);
    await page.goto(`/schedules/${id}`);
    await hand.press(page.getByRole('button', { name: 'Run now' }));
    const row = page.getByRole('row', { name: /By hand: admin/ });
    await expect(row).toContainText('1 verified');
    await hand.press(row.getByRole('link'));
    await expect(page.getByRole('row', { name: new RegExp(`${unique} Verified`) })).toBeVisible();

    await page.goto(`/schedules/${id}`);
    await hand.press(page.getByRole('link', { name: 'All backups of this schedule' }));
    await expect(page.locator('tbody tr')).toHaveCount(1);
    await hand.press(page.getByRole('button', { name: 'One schedule only' }));
    await expect(page).toHaveURL(/\/backups$/);

    await page.goto('/schedules');
    await hand.fill(page.getByRole('searchbox'), unique);
    await expect(page).toHaveURL(new RegExp(`q=${unique}`));
    await expect(page.locator('tbody tr')).toHaveCount(1);
    const line = page.getByRole('row', { name: new RegExp(unique) });
    await hand.fromMenu(line.getByRole('button', { name: /More actions/ }), 'Pause');
    await expect(line).toContainText('Paused');
    expect((await read(api, id)).paused_at).toBeDefined();
    await hand.undo();
    await expect(line).toContainText('Active');
    expect((await read(api, id)).paused_at).toBeUndefined();
  });

  test('a schedule is made in a few steps, and deleted after its name was typed', async ({
    console: page,
    api,
    unique,
    hand,
  }) => {
    await hand.press(page.getByRole('link', { name: 'Schedules' }));
    await hand.press(page.getByRole('link', { name: 'New schedule' }).first());
    await hand.fill(page.locator('input[name=name]'), `Mine ${unique}`);
    await hand.press(page.getByRole('button', { name: 'Create schedule' }));
    await expect(page.getByRole('heading', { level: 1, name: `Mine ${unique}` })).toBeVisible();
    await hand.fromMenu(page.getByRole('button', { name: 'More actions' }), 'Delete schedule');
    await hand.fill(page.locator('input[name=confirmation]'), `Mine ${unique}`);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1, name: 'Schedules' })).toBeVisible();
    const { items } = await api.send<{ items: ScheduleInfo[] }>('GET', '/api/schedules?limit=500');
    expect(items.map(({ name }) => name)).not.toContain(`Mine ${unique}`);
  });

  test('a change beside another one loses neither', async ({ console: page, api, unique, hand }) => {
    await api.tenant(unique);
    const { id } = await make(api, unique);
    await page.goto(`/schedules/${id}/edit`);
    await hand.fill(page.locator('input[name=name]'), `Renamed ${unique}`);
    await api.send('PATCH', `/api/schedules/${id}`, { cron: '0 4 * * *' });
    await hand.press(page.getByRole('button', { name: 'Save' }));
    await expect(page.getByText(/saved this meanwhile/)).toBeVisible();
    await hand.press(page.getByRole('button', { name: 'Save mine' }));
    await expect(page.getByText(/saved this meanwhile/)).toHaveCount(0);
    await expect.poll(async () => (await read(api, id)).name).toBe(`Renamed ${unique}`);
    expect((await read(api, id)).cron).toBe('0 4 * * *');
  });
});
