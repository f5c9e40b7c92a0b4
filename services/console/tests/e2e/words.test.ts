/** What the service refuses is told in the language of the console. */
import { look } from '../support/looks';
import { byEveryHand, enter, expect, test } from '../support/test';

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
});
