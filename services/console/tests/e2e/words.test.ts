/** What the service says, it says in English; what it refuses, is set to and examines is told in the language of the console. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { look } from '../support/looks';
import { byEveryHand, enter, expect, test } from '../support/test';
import type { DoctorRunInfo, SettingInfo } from '../../src/lib/api/schema';

const ENGLISH = /\b(the|and|is|are|it|they|with|without|nothing|run|whole|there)\b/i;

byEveryHand(() => {
  test.use({ tolerated: [/\b(409|422)\b/] });

  test('a German console tells in German why a form was refused, and keeps what was typed', async ({
    page,
    api,
    unique,
    hand,
  }) => {
    await api.tenant(unique);
    await enter(page, '/resellers/new');
    await look(page, 'light', 'de');
    await hand.fill(page.locator('input[name=name]'), unique);
    const slug = page.locator('input[name=slug]');
    await hand.fill(slug, unique);
    await page.keyboard.press('Enter');
    await expect(slug).toHaveAccessibleDescription(/Diesen Kurznamen gibt es bereits\./);
    await expect(slug).toHaveValue(unique);
    await hand.fill(slug, 'Kein Kurzname!');
    await page.keyboard.press('Enter');
    await expect(slug).toHaveAccessibleDescription(/Braucht 3 bis 63 Zeichen/);
    await look(page, 'light', 'en');
    await expect(slug).toHaveAccessibleDescription(/needs 3 to 63/);
  });

  test('a German console tells each line of the doctor in German, what he found and what to do too', async ({
    page,
    api,
    service,
    hand,
  }) => {
    const logs = join(service.directory, 'logs');
    const lines = page.getByRole('main').getByRole('listitem');
    /** Asks for a round and reads it. */
    async function round(): Promise<DoctorRunInfo> {
      await enter(page, '/doctor');
      await look(page, 'light', 'de');
      await hand.press(page.getByRole('button', { name: 'Diagnose starten' }).first());
      await expect(page).toHaveURL(/\/doctor\/[0-9a-f-]{36}$/);
      const run = await api.ended<DoctorRunInfo>(`/api/doctor/${page.url().split('/').at(-1)}`);
      await expect(lines).toHaveCount(run.checks.length);
      for (const told of await lines.getByRole('paragraph').allInnerTexts())
        expect(told).not.toMatch(ENGLISH);
      return run;
    }

    const { checks } = await round();
    const schema = lines.filter({ hasText: 'central_database' });
    await expect(schema).toContainText(/Zentrale Datenbank.*Unversehrt, Schema \d+/s);
    const own = checks.find(({ check }) => check === 'central_database')?.detail ?? '';
    expect(own).toMatch(ENGLISH);
    await look(page, 'light', 'en');
    await expect(schema).toContainText(own);

    chmodSync(logs, 0o755);
    try {
      await round();
    } finally {
      chmodSync(logs, 0o700);
    }
    const open = lines.filter({ hasText: logs });
    await expect(open).toContainText('Andere dürfen es betreten (Rechte 0755).');
    await expect(open).toContainText('Führen Sie „chiliview doctor --repair“ aus.');
  });

  test('a German console tells in German what each setting decides, and finds it by these words', async ({
    console: page,
    api,
    hand,
  }) => {
    const { items } = await api.send<{ items: SettingInfo[] }>('GET', '/api/settings');
    const english = items.find(({ name }) => name === 'trash_days')?.description ?? '';
    await page.goto('/settings');
    const rows = page.getByRole('row');
    const row = rows.filter({ hasText: 'trash_days' });
    await expect(row).toContainText(english);
    await look(page, 'light', 'de');
    await expect(row).toContainText('Reseller und Sicherungen zurückholen');
    for (const { description } of items) await expect(page.getByText(description)).toHaveCount(0);
    await hand.fill(page.getByRole('searchbox'), 'zurückholen');
    await expect(rows).toHaveCount(2);
    await expect(row).toBeVisible();
  });
});
