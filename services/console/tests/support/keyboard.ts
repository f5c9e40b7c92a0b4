/** Going through a page as one does who has no mouse. */
import { expect, type Locator, type Page } from '@playwright/test';

/** A table of a hundred rows with a menu each is walked through in this. */
const MOST_STEPS = 250;

const focused = (target: Locator): Promise<boolean> =>
  target.evaluate((element) => element === document.activeElement);

async function until(page: Page, key: string, target: Locator): Promise<void> {
  for (let step = 0; step < MOST_STEPS; step += 1) {
    if (await focused(target)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${target} is not reached by ${key}`);
}

/** Presses Tab until `target` has the focus. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  await until(page, 'Tab', target);
}

export async function press(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeEnabled();
  await tabTo(page, target);
  await page.keyboard.press('Enter');
}

/** Types over what stands in a field. */
export async function fill(page: Page, target: Locator, text: string): Promise<void> {
  await tabTo(page, target);
  // A time is written part by part.
  if ((await target.getAttribute('type')) === 'time') return page.keyboard.type(text.replace(':', ''));
  await page.keyboard.press('ControlOrMeta+a');
  if (text === '') await page.keyboard.press('Delete');
  else await page.keyboard.type(text);
}

/** By the first letters of an option, as every browser's select knows it. */
export async function choose(page: Page, select: Locator, value: string): Promise<void> {
  await tabTo(page, select);
  const option = select.locator(`option[value="${value}"]`);
  await page.keyboard.type((await option.textContent()) ?? '');
  await expect(select).toHaveValue(value);
}

/** Space turns a check box over; of radio buttons, the arrows choose. */
export async function tick(page: Page, box: Locator, on: boolean): Promise<void> {
  if ((await box.isChecked()) === on) return;
  if ((await box.getAttribute('type')) === 'radio') {
    const group = box.locator('xpath=ancestor::fieldset[1]').locator('input[type=radio]');
    const chosen = group.and(page.locator(':checked'));
    await tabTo(page, (await chosen.count()) > 0 ? chosen : group.first());
    await until(page, 'ArrowDown', box);
    if (!(await box.isChecked())) await page.keyboard.press('Space');
  } else {
    await tabTo(page, box);
    await page.keyboard.press('Space');
  }
  await expect(box).toBeChecked({ checked: on });
}

export async function fromMenu(page: Page, button: Locator, item: string | RegExp): Promise<void> {
  await press(page, button);
  const target = page.getByRole('menuitem', { name: item });
  await expect(target).toBeVisible();
  await until(page, 'ArrowDown', target);
  await page.keyboard.press('Enter');
}

/** `g` and a letter: to a screen. */
export async function goTo(page: Page, letter: string, title: string): Promise<void> {
  await page.keyboard.press('g');
  await page.keyboard.press(letter);
  await expect(page.getByRole('heading', { level: 1, name: title })).toBeFocused();
}
