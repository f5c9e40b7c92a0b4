/** The lists of backups and of restores: searched, sorted and narrowed down by the service, and the address keeps it. */
import { byEveryHand, expect, PASSWORD, test, type Page } from '../support/test';
import type { Api } from '../support/api';

const firstColumn = (page: Page) => page.locator('[data-row-link]');
const column = (page: Page, name: string) => page.getByRole('columnheader', { name, exact: true });

/** Two resellers, the later in the alphabet with the larger backup. */
async function two(api: Api, unique: string): Promise<[small: string, large: string]> {
  const [small, large] = [`${unique}-a`, `${unique}-b`] as const;
  await api.tenant(large);
  const person = (index: number): string => `user${index},user${index}@example.com,${'x'.repeat(40)}${index}`;
  const people = Array.from({ length: 300 }, (_, index) => person(index));
  await api.csv(
    `/api/tenants/${large}/users/import`,
    ['username,email,given_name', ...people, ''].join('\n'),
  );
  await api.backup(large);
  await api.tenant(small);
  await api.backup(small);
  return [small, large];
}

const parametersOf = (page: Page): Record<string, string> =>
  Object.fromEntries(new URL(page.url()).searchParams);

byEveryHand(() => {
  test('backups are searched and sorted by what the service can sort, and another person may open the address', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    const [small, large] = await two(api, unique);
    await page.goto('/backups');
    await hand.fill(page.getByRole('searchbox'), unique);
    await expect(firstColumn(page)).toHaveText([small, large]);
    await hand.press(page.getByRole('button', { name: 'Size' }));
    await expect(column(page, 'Size')).toHaveAttribute('aria-sort', 'ascending');
    await expect(firstColumn(page)).toHaveText([small, large]);
    await hand.press(page.getByRole('button', { name: 'Size' }));
    await expect(firstColumn(page)).toHaveText([large, small]);
    await hand.press(page.getByRole('button', { name: 'Database' }));
    await expect(firstColumn(page)).toHaveText([small, large]);
    await hand.press(page.getByRole('button', { name: 'Ended' }));
    await expect(firstColumn(page)).toHaveText([large, small]);
    expect(parametersOf(page)).toEqual({ q: unique, sort: 'finished', order: 'asc' });
    await page.reload();
    await expect(column(page, 'Ended')).toHaveAttribute('aria-sort', 'ascending');
    await expect(firstColumn(page)).toHaveText([large, small]);
    await expect(page.getByRole('searchbox')).toHaveValue(unique);
    await hand.press(page.getByRole('button', { name: 'Clear filters' }));
    await expect(page.getByRole('searchbox')).toHaveValue('');
    await expect.poll(() => firstColumn(page).count()).toBeGreaterThan(1);
  });

  test('where each row is a card, what sorts them stands above', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    const [small, large] = await two(api, unique);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`/backups?q=${unique}`);
    const sorted = page.locator('select[name=sort]');
    await expect(sorted).toHaveValue('created desc');
    await hand.choose(sorted, 'bytes desc');
    await expect(page).toHaveURL(/sort=bytes&order=desc/);
    await expect(firstColumn(page)).toHaveText([large, small]);
    await page.reload();
    await expect(sorted).toHaveValue('bytes desc');
    await expect(firstColumn(page)).toHaveText([large, small]);
  });

  test("a reseller's backups are searched by who asked for them, and sorted by size", async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    const { id: first } = await api.backup(unique);
    await api.user(unique, { username: 'more', email: 'more@example.com' });
    const { id: second } = await api.backup(unique);
    await page.goto(`/resellers/${unique}/backups`);
    await expect(firstColumn(page)).toHaveCount(2);
    await expect(page.getByRole('button', { name: 'Database' })).toHaveCount(0);
    await hand.press(page.getByRole('button', { name: 'Asked for' }));
    await expect(firstColumn(page).first()).toHaveAttribute('href', `/backups/${first}`);
    await hand.press(page.getByRole('button', { name: 'Ended' }));
    await hand.press(page.getByRole('button', { name: 'Ended' }));
    await expect(firstColumn(page).first()).toHaveAttribute('href', `/backups/${second}`);
    await hand.fill(page.getByRole('searchbox'), second);
    await expect(firstColumn(page)).toHaveCount(1);
    await expect(page).toHaveURL(new RegExp(`q=${second}`));
    await hand.fill(page.getByRole('searchbox'), 'somebody else');
    await expect(page.getByText('Nothing matches')).toBeVisible();
    await hand.fill(page.getByRole('searchbox'), 'admin');
    await expect(firstColumn(page)).toHaveCount(2);
  });

  test("restores are narrowed down to one reseller's, turned round, and searched", async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    const restores: string[] = [];
    for (const slug of [`${unique}-a`, `${unique}-b`]) {
      await api.tenant(slug);
      const { id } = await api.backup(slug);
      for (let time = 0; time < 2; time += 1) {
        const body = { into: 'same', slug, password: PASSWORD };
        const restore = await api.send<{ id: string }>('POST', `/api/backups/${id}/restore`, body);
        await api.restored(restore.id);
        restores.push(restore.id);
      }
    }
    await page.goto('/restores');
    await hand.find(page.getByRole('combobox', { name: 'Reseller' }), `${unique}-a`, new RegExp(unique));
    await expect(page).toHaveURL(new RegExp(`reseller=${unique}-a`));
    await expect(firstColumn(page)).toHaveText([`${unique}-a`, `${unique}-a`]);
    await expect(firstColumn(page).first()).toHaveAttribute('href', `/restores/${restores[1]}`);
    await hand.press(page.getByRole('button', { name: 'Asked for' }));
    await expect(firstColumn(page).first()).toHaveAttribute('href', `/restores/${restores[0]}`);
    await page.reload();
    await expect(firstColumn(page)).toHaveText([`${unique}-a`, `${unique}-a`]);
    await hand.choose(page.locator('select[name=status]'), 'failed');
    await expect(page.getByText('Nothing matches')).toBeVisible();
    await hand.press(page.getByRole('button', { name: 'Clear filters' }).first());
    await expect(page.getByRole('combobox', { name: 'Reseller' })).toHaveValue('');
    await expect.poll(() => firstColumn(page).count()).toBeGreaterThan(3);
    await hand.fill(page.getByRole('searchbox'), `${unique}-b`);
    await expect(firstColumn(page)).toHaveText([`${unique}-b`, `${unique}-b`]);
  });
});
