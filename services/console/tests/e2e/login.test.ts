/** In and out. */
import { byEveryHand, expect, PASSWORD, test } from '../support/test';

byEveryHand(() => {
  test('logging in, and out again', async ({ page, hand }) => {
    await page.goto('/');
    await hand.fill(page.locator('input[name=username]'), 'admin');
    await hand.fill(page.locator('input[name=password]'), 'not the password at all');
    await hand.press(page.getByRole('button', { name: 'Log in' }));
    await expect(page.getByRole('alert')).toContainText('Name or password is wrong');
    await expect(page.locator('input[name=username]')).toHaveValue('admin');
    await hand.fill(page.locator('input[name=password]'), PASSWORD);
    await hand.press(page.getByRole('button', { name: 'Log in' }));
    await expect(page.getByRole('navigation', { name: 'Navigation' })).toBeVisible();
    await hand.fromMenu(page.getByRole('button', { name: /^Account/ }), 'Log out');
    await expect(page.locator('input[name=username]')).toBeVisible();
    await page.reload();
    await expect(page.locator('input[name=username]')).toBeVisible();
  });

  test('theme and language are chosen, and stay', async ({ console: page, hand }) => {
    const account = page.getByRole('button', { name: /^(Account|Konto)/ });
    await hand.fromMenu(account, 'Dark');
    await hand.fromMenu(account, 'Deutsch');
    await expect(page.locator('html[data-theme=dark][lang=de]')).toBeAttached();
    await page.reload();
    await expect(page.getByRole('link', { name: 'Sicherungen', exact: true })).toBeVisible();
    await expect(page.locator('html[data-theme=dark][lang=de]')).toBeAttached();
  });
});
