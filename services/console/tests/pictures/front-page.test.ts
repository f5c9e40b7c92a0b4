/** The two pictures of the project's front page, of the real binary and real data: `npm run pictures`. */
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { logIn, test, expect } from '../support/test';

const DOCS = resolve(import.meta.dirname, '../../../../docs');
const RESELLERS = [
  ['acme-hosting', 'Acme Hosting GmbH'],
  ['alpenblick', 'Alpenblick Webservices'],
  ['fjordnet', 'Fjordnet AS'],
  ['kiezserver', 'Kiezserver eG'],
  ['lagune-digital', 'Lagune Digital S.r.l.'],
  ['nordlicht', 'Nordlicht Systemhaus'],
  ['polder-cloud', 'Polder Cloud B.V.'],
  ['rheinwerk-it', 'Rheinwerk IT & Söhne'],
] as const;
const USERS = 40;

test('the overview, and a backup with its trace', async ({ page, api, service }) => {
  test.slow();
  for (const [slug, name] of RESELLERS) {
    await api.tenant(slug, { name });
    for (let user = 1; user <= USERS / 8; user += 1) {
      await api.user(slug, { username: `user${user}`, email: `user${user}@${slug}.example` });
    }
  }
  for (const [slug] of RESELLERS.slice(0, -1)) await api.backup(slug);
  await api.backup();
  const shown = await api.backup('nordlicht');

  // One that a bad disk cut short, as the next proof finds out.
  const damaged = await api.backup('fjordnet');
  const shelf = join(service.directory, 'backups');
  const names = readdirSync(shelf, { recursive: true, encoding: 'utf8' });
  const file = join(shelf, names.find((name) => name.includes(damaged.id) && name.endsWith('.zst')) ?? '');
  truncateSync(file, statSync(file).size - 100);
  await api.send('POST', `/api/backups/${damaged.id}/prove`);
  await api.ended(`/api/backups/${damaged.id}`);

  await logIn(page);
  await expect(page.getByRole('row', { name: /Fjordnet/ })).toBeVisible();
  await expect(page.locator('canvas')).toHaveCount(2);
  await expect(page.locator('[data-connection=live]')).toBeVisible();
  await page.screenshot({ path: join(DOCS, 'console-overview.png') });

  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`/backups/${shown.id}`);
  await expect(page.locator('.waterfall summary').filter({ hasText: 'snapshot.prove' })).toBeVisible();
  await expect(page.locator('[data-connection=live]')).toBeVisible();
  await page.screenshot({ path: join(DOCS, 'console-backup.png') });
});
