/** A backup's life on its page: trace, pin, proof, damage, trash, link. */
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { look } from '../support/looks';
import { byEveryHand, expect, test } from '../support/test';

byEveryHand(() => {
  test('the trace shows every step from the request to the last commit', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    const backup = await api.backup(unique);
    await page.goto(`/backups/${backup.id}`);
    const steps = page.locator('.waterfall summary');
    await expect(steps.filter({ hasText: 'POST /api/backups' })).toHaveCount(1);
    for (const name of ['job back_up', 'snapshot.read', 'snapshot.prove'])
      await expect(steps.filter({ hasText: name })).toHaveCount(1);
    await hand.press(steps.filter({ hasText: 'snapshot.read' }));
    await expect(page.locator('.waterfall details[open]').getByText(/^after/)).toBeVisible();
  });

  test('pinned and unpinned, each with its undo', async ({ console: page, unique, api, hand }) => {
    await api.tenant(unique);
    const backup = await api.backup(unique);
    const pinned = async (): Promise<boolean> =>
      (await api.send<{ pinned_at?: string }>('GET', `/api/backups/${backup.id}`)).pinned_at !== undefined;
    await page.goto(`/backups/${backup.id}`);
    await hand.fromMenu(page.getByRole('button', { name: 'More actions' }), 'Keep it (pin)');
    await expect(page.getByText('It stays, whatever the retention says')).toBeVisible();
    expect(await pinned()).toBe(true);
    await hand.undo();
    await expect.poll(pinned).toBe(false);
  });

  test('the last verified backup takes a typed confirmation, and comes back from the trash', async ({
    console: page,
    unique,
    api,
    hand,
  }) => {
    await api.tenant(unique);
    const backup = await api.backup(unique);
    await page.goto(`/backups/${backup.id}`);
    await hand.fromMenu(page.getByRole('button', { name: 'More actions' }), /^Delete/);
    const dialog = page.getByRole('dialog');
    await hand.press(dialog.getByRole('button', { name: 'Delete' }));
    await expect(dialog.getByRole('alert')).toContainText('last verified');
    await hand.tick(dialog.getByRole('checkbox', { name: 'Delete it all the same' }));
    await hand.fill(dialog.locator('input[name=confirmation]'), unique);
    await hand.press(dialog.getByRole('button', { name: 'Delete' }));
    await expect(page.getByText(/^In the trash/)).toBeVisible();
    await hand.undo();
    await expect(page.getByText(/^In the trash/)).toBeHidden();
  });

  test('a snapshot that was damaged on the shelf is told so by the next proof, with the way out', async ({
    console: page,
    unique,
    api,
    service,
    hand,
  }) => {
    await api.tenant(unique);
    const backup = await api.backup(unique);
    const shelf = join(service.directory, 'backups');
    const file = readdirSync(shelf, { recursive: true, encoding: 'utf8' }).find(
      (name) => name.includes(backup.id) && name.endsWith('.zst'),
    );
    if (!file) throw new Error('the snapshot is not on the shelf');
    truncateSync(join(shelf, file), statSync(join(shelf, file)).size - 1);
    await page.goto(`/backups/${backup.id}`);
    await hand.fromMenu(page.getByRole('button', { name: 'More actions' }), 'Prove again');
    await expect(page.getByText('This backup is damaged')).toBeVisible();
    await expect(page.getByText('What to do:')).toBeVisible();
    await expect(page.getByText('The backup’s file is damaged.')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Copy details' }).first()).toBeVisible();
    await look(page, 'light', 'de');
    await expect(page.getByText('Die Datei der Sicherung ist beschädigt.')).toBeVisible();
    await expect(page.getByText('Sichern Sie jetzt neu.')).toBeVisible();
    await look(page, 'light', 'en');
  });

  test('a link downloads without a log-in', async ({ console: page, unique, api, hand }) => {
    await api.tenant(unique);
    const backup = await api.backup(unique);
    await page.goto(`/backups/${backup.id}`);
    await hand.fromMenu(page.getByRole('button', { name: 'More actions' }), 'Make a download link');
    const url = await page.getByRole('dialog').locator('code').textContent();
    const answer = await fetch(url ?? '');
    expect((await answer.arrayBuffer()).byteLength).toBe(backup.bytes);
  });

  test('what was downloaded is imported again', async ({ console: page, unique, api, hand }) => {
    await api.tenant(unique);
    const backup = await api.backup(unique);
    const snapshot = await api.raw('GET', `/api/backups/${backup.id}/content`);
    await page.goto(`/backups?import=1&reseller=${unique}`);
    const buffer = Buffer.from(await snapshot.arrayBuffer());
    const file = { name: `${unique}.db.zst`, mimeType: 'application/zstd', buffer };
    await hand.upload(page.locator('input[name=file]'), file);
    await hand.press(page.getByRole('button', { name: 'Upload' }));
    await expect(page.getByRole('heading', { level: 1, name: `Backup of ${unique}` })).toBeVisible();
    await expect(page.getByText('Verified').first()).toBeVisible();
    await expect(page.getByText('Import', { exact: false }).first()).toBeVisible();
  });
});
