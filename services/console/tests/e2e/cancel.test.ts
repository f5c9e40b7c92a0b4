/** What has not begun can be called off: here nothing begins, since no worker runs. */
import type { BackupInfo } from '../../src/lib/api/schema';
import type { Api } from '../support/api';
import { byEveryHand, expect, test, type Page } from '../support/test';

test.use({ jobs: false });

const newest = async (api: Api, tenant: string): Promise<BackupInfo | undefined> =>
  (await api.send<{ items: BackupInfo[] }>('GET', `/api/backups?tenant=${tenant}`)).items[0];

const rowOf = (page: Page, tenant: string) => page.getByRole('row', { name: new RegExp(tenant) });

byEveryHand(() => {
  test('a backup that waits is called off in the list, and the message says so', async ({
    console: page,
    hand,
    api,
    unique,
  }) => {
    await api.tenant(unique);
    await page.goto(`/backups?new=1&reseller=${unique}`);
    await hand.press(page.getByRole('button', { name: 'Back up now' }));
    await expect(rowOf(page, unique)).toContainText('Queued');
    await hand.fromMenu(page.getByRole('button', { name: `More actions: ${unique}` }), 'Cancel backup');
    await expect(page.getByRole('region', { name: 'Messages' })).toContainText('is being cancelled');
    await expect(rowOf(page, unique)).toContainText('Cancelled');
    expect((await newest(api, unique))?.status).toBe('cancelled');
  });

  test('a backup that waits is called off on its page', async ({ console: page, hand, api, unique }) => {
    await api.tenant(unique);
    await api.send('POST', '/api/backups', { scope: 'tenant', tenant: unique });
    await page.goto(`/backups/${(await newest(api, unique))?.id}`);
    await hand.press(page.getByRole('button', { name: 'Cancel backup' }));
    await expect(page.getByText('Cancelled', { exact: true })).toBeVisible();
    await expect(page.getByRole('button', { name: 'Cancel backup' })).toHaveCount(0);
  });
});
