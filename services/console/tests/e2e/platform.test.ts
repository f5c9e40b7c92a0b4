/** The audit log and the jobs: what happened, whose doing it was, and that nobody changed the record. */
import { byEveryHand, expect, logIn, PASSWORD, test } from '../support/test';
import { linesOf } from '../support/download';
import type { AuditEntry, OverviewInfo } from '../../src/lib/api/schema';

byEveryHand(() => {
  test('a change stands in the audit log with what was before and after, at an address of its own', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    const { id } = await api.tenant(unique, { name: 'Old name' });
    await api.send('PATCH', `/api/tenants/${unique}`, { name: 'New name' });
    await page.goto(`/audit?object_id=${id}`);
    await hand.press(page.getByRole('link', { name: 'Reseller: changed' }));
    const dialog = page.getByRole('dialog');
    const change = dialog.getByRole('row', { name: /name/ });
    await expect(change).toContainText('Old name');
    await expect(change).toContainText('New name');
    await expect(dialog).toContainText('admin · Admin');
    const address = page.url();
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    await page.goto(address);
    await expect(page.getByRole('dialog').getByRole('row', { name: /Old name/ })).toBeVisible();
  });

  test('the log is narrowed to one action, and the address keeps it', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    await hand.press(page.getByRole('link', { name: 'Audit log' }));
    await hand.choose(page.locator('select[name=action]'), 'tenant.create');
    await expect(page).toHaveURL(/action=tenant\.create/);
    await page.reload();
    const actions = page.getByRole('row').getByRole('link');
    await expect(actions.first()).toHaveText('Reseller: created');
    expect(new Set(await actions.allInnerTexts())).toEqual(new Set(['Reseller: created']));
  });

  test('the chain is checked, and says how many lines are intact', async ({ console: page, api, hand }) => {
    await page.goto('/audit');
    await hand.press(page.getByRole('button', { name: 'Check the chain' }));
    await expect(page.getByText(/The chain is intact: [\d,]+ lines/)).toBeVisible();
    expect((await api.send<{ intact: boolean }>('GET', '/api/audit/verify')).intact).toBe(true);
  });
});

test("a manager sees his own reseller's log, and nothing of the platform's", async ({
  page,
  unique,
  api,
}) => {
  await api.tenant(unique);
  await api.user(unique, { username: 'mara', email: 'm@example.com', password: PASSWORD, role: 'manager' });
  await logIn(page, { username: 'mara', tenant: unique });
  await page.goto('/audit');
  await expect(page.getByRole('link', { name: 'User: created' })).toBeVisible();
  const { items } = await api.send<{ items: AuditEntry[] }>('GET', `/api/tenants/${unique}/audit`);
  await expect(page.getByRole('row')).toHaveCount(items.length + 1);
  await expect(page.getByRole('combobox', { name: /reseller/i })).toHaveCount(0);
});

byEveryHand(() => {
  test('a backup leaves a job that says for what it was and that it is done', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    const backup = await api.backup(unique);
    await page.goto(`/jobs?subject=${backup.id}`);
    const row = page.getByRole('row', { name: /Back up/ });
    await expect(row).toContainText('Done');
    await expect(row).toContainText('1 of 5');
    await hand.press(row.getByRole('link', { name: 'Backup' }));
    await expect(page).toHaveURL(new RegExp(`/backups/${backup.id}$`));
  });

  test('the log is searched by a word of a change and by days', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique, { name: `Word ${unique}` });
    await page.goto('/audit');
    await hand.fill(page.getByRole('searchbox'), unique);
    await expect(page).toHaveURL(new RegExp(`q=${unique}`));
    await expect(page.getByRole('row', { name: /Reseller: created/ })).toHaveCount(1);
    await page.locator('input[name=until]').fill('2020-01-01');
    await page.locator('input[name=until]').blur();
    await expect(page.getByText('Nothing matches')).toBeVisible();
  });

  test('the doctor is run, and his round is read line by line', async ({ console: page, api, hand }) => {
    await hand.press(page.getByRole('link', { name: 'Doctor' }));
    await expect(page.getByRole('heading', { level: 1, name: 'Doctor' })).toBeFocused();
    await hand.press(page.getByRole('button', { name: 'Run the doctor' }).first());
    await expect(page).toHaveURL(/\/doctor\/[0-9a-f-]{36}$/);
    const id = page.url().split('/').at(-1) ?? '';
    const run = await api.ended<{ status: string; checks: unknown[] }>(`/api/doctor/${id}`);
    expect(run.status).toBe('done');
    await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(run.checks.length);
    await hand.press(page.getByRole('link', { name: 'Doctor' }).first());
    await expect(page.getByRole('row', { name: /Looking only/ }).first()).toBeVisible();
  });

  test('what happens elsewhere shows in the feed at once; paused, it waits', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    await page.goto('/events');
    await expect(page.getByText('Nothing has happened yet')).toBeVisible();
    const { id } = await api.backup(unique);
    const feed = page.getByRole('list', { name: 'Events' });
    const line = feed
      .getByRole('listitem')
      .filter({ hasText: `Backup of ${unique}` })
      .filter({ hasText: 'Verified' });
    await expect(line.getByRole('link')).toHaveAttribute('href', `/backups/${id}`);

    await hand.press(page.getByRole('button', { name: 'Pause' }));
    await api.backup(unique);
    await expect(page.getByText(/held back/)).not.toHaveText(/^0/);
    const before = await feed.getByRole('listitem').count();
    await hand.press(page.getByRole('button', { name: 'Go on' }));
    await expect.poll(() => feed.getByRole('listitem').count()).toBeGreaterThan(before);

    await hand.choose(page.locator('select[name=kind]'), 'restore');
    await expect(page).toHaveURL(/kind=restore/);
    await expect(page.getByText('Nothing of that kind yet')).toBeVisible();
  });

  test('what the feed shows is taken out as a file, and nothing that it hides', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await page.goto('/events');
    await expect(page.locator('[data-connection=live]')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Export CSV' })).toHaveCount(0);
    await api.tenant(unique);
    await api.backup(unique);
    await hand.fill(page.getByRole('searchbox'), `backup of ${unique}`);
    const shown = page.getByRole('list', { name: 'Events' }).getByRole('listitem');
    await expect(shown.filter({ hasText: 'Verified' })).toHaveCount(1);
    const [header, ...lines] = await linesOf(page, () =>
      hand.press(page.getByRole('button', { name: 'Export CSV' })),
    );
    expect(header).toBe('\ufeffWhen,What,Event,State,Details');
    expect(lines).toHaveLength(await shown.count());
    expect(lines[0]).toMatch(new RegExp(`^\\d{4}-.*Z,Backups,Backup of ${unique},Verified,by admin$`));
    await expect(page.getByRole('region', { name: 'Messages' })).toContainText(/rows? exported/);
  });

  test('what the licences of the packages inside ask for is there to be read', async ({
    console: page,
    hand,
  }) => {
    await page.goto('/about');
    const link = page.getByRole('link', { name: 'The packages in this console, with their licences' });
    const lines = await linesOf(page, () => hand.press(link));
    expect(lines.filter((line) => /^## svelte - .* \(MIT\)$/.test(line))).toHaveLength(1);
  });
});

test.describe('west of Greenwich', () => {
  test.use({ timezoneId: 'America/Los_Angeles' });

  test('a day of the overview is the day that the service means', async ({ console: page, api, unique }) => {
    await api.tenant(unique);
    await api.backup(unique);
    await page.goto('/');
    await page.getByText('The same as a table').first().click();
    const { series } = await api.send<OverviewInfo>('GET', '/api/overview');
    const day = new Date(series.at(-1)?.day ?? '').toLocaleDateString('en-GB', {
      dateStyle: 'medium',
      timeZone: 'UTC',
    });
    await expect(
      page.getByRole('region', { name: 'Backups a day' }).getByRole('rowheader').last(),
    ).toHaveText(day);
  });
});
