/** Three thousand rows: found, sorted, narrowed down, paged through and taken out; the address says where one is. */
import { linesOf } from '../support/download';
import { importPeople, makeTenants } from '../support/fleet';
import { byEveryHand, expect, test, type Page } from '../support/test';

const ROWS = 3_000;
const PAGE = 25;
const TENANT = 'crowded';

test.beforeAll(async ({ world: { api } }) => {
  if ((await api.raw('GET', `/api/tenants/${TENANT}`)).ok) return;
  await api.tenant(TENANT);
  await importPeople(api, TENANT, ROWS);
});

const firstColumn = (page: Page) => page.locator('[data-row-link]');
const user = (index: number): string => `user${String(index).padStart(4, '0')}`;

async function expectPage(page: Page, from: number, to: number): Promise<void> {
  await expect(firstColumn(page).first()).toHaveText(user(from));
  await expect(firstColumn(page).last()).toHaveText(user(to));
}

byEveryHand(() => {
  test('page by page, back by the button and by the browser, and the same after a reload', async ({
    console: page,
    hand,
  }) => {
    await page.goto(`/resellers/${TENANT}/users?limit=${PAGE}`);
    await expectPage(page, 0, PAGE - 1);
    await hand.press(page.getByRole('button', { name: 'Next', exact: true }));
    await expectPage(page, PAGE, 2 * PAGE - 1);
    await expect(page).toHaveURL(/after=/);
    await hand.press(page.getByRole('button', { name: 'Next', exact: true }));
    await expectPage(page, 2 * PAGE, 3 * PAGE - 1);
    await page.reload();
    await expectPage(page, 2 * PAGE, 3 * PAGE - 1);
    await expect(page.getByText(/Page 3/)).toBeVisible();
    await hand.press(page.getByRole('button', { name: 'Previous', exact: true }));
    await expectPage(page, PAGE, 2 * PAGE - 1);
    await page.goBack();
    await expectPage(page, 2 * PAGE, 3 * PAGE - 1);
    await page.goForward();
    await expectPage(page, PAGE, 2 * PAGE - 1);
  });

  test('searched, sorted and narrowed down: the address keeps all of it, and another person may open it', async ({
    console: page,
    hand,
  }) => {
    await page.goto(`/resellers/${TENANT}/users?limit=${PAGE}`);
    await hand.fill(page.getByRole('searchbox'), 'user12');
    await expect(firstColumn(page).first()).toHaveText(user(1_200));
    await hand.choose(page.locator('select[name=role]'), 'manager');
    await expect(firstColumn(page)).toHaveText([user(1_200), user(1_250)]);
    await hand.press(page.getByRole('button', { name: 'User name' }));
    await expect(page.getByRole('columnheader', { name: 'User name' })).toHaveAttribute(
      'aria-sort',
      'descending',
    );
    await expect(firstColumn(page)).toHaveText([user(1_250), user(1_200)]);
    const url = new URL(page.url());
    expect(Object.fromEntries(url.searchParams)).toEqual({
      q: 'user12',
      role: 'manager',
      sort: 'username',
      order: 'desc',
      limit: String(PAGE),
    });
    await hand.press(firstColumn(page).first());
    await expect(page.locator('input[name=username], h1').first()).toBeVisible();
    await page.goBack();
    await expect(firstColumn(page)).toHaveText([user(1_250), user(1_200)]);
    await expect(page.getByRole('searchbox')).toHaveValue('user12');
    await expect(page.locator('select[name=role]')).toHaveValue('manager');
    await hand.press(page.getByRole('button', { name: 'Clear filters' }));
    await expect(page.getByRole('searchbox')).toHaveValue('');
    await expect(firstColumn(page)).toHaveCount(PAGE);
  });

  test('the file holds every row, not those of the page alone', async ({ console: page, hand }) => {
    await page.goto(`/resellers/${TENANT}/users?limit=${PAGE}`);
    await expect(firstColumn(page)).toHaveCount(PAGE);
    const [header, ...lines] = await linesOf(page, () =>
      hand.press(page.getByRole('link', { name: 'Export CSV' })),
    );
    expect(header).toContain('username');
    expect(lines).toHaveLength(ROWS);
    expect(new Set(lines).size).toBe(ROWS);
  });

  test('a file that the page makes of a list holds all its pages too', async ({
    console: page,
    hand,
    api,
  }) => {
    const count = 2 * PAGE + 1;
    await makeTenants(api, count, (index) => ({ slug: `many-${hand.name}-${index}`, name: `Many ${index}` }));
    await page.goto(`/resellers?q=many-${hand.name}-&limit=${PAGE}`);
    await expect(firstColumn(page)).toHaveCount(PAGE);
    const lines = await linesOf(page, () => hand.press(page.getByRole('button', { name: 'Export CSV' })));
    expect(lines).toHaveLength(1 + count);
    await expect(page.getByRole('region', { name: 'Messages' })).toContainText(`${count} rows exported`);
  });
});
