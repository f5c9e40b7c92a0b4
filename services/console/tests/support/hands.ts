/**
 * Two ways to use the same page: with a mouse, and with a keyboard alone. A story that is told with a `hand` is told by both:
 * `byEveryHand(() => test('…', async ({ console: page, hand }) => …))`.
 */
import { expect, type Locator, type Page } from '@playwright/test';
import * as keys from './keyboard';

export type HandName = 'mouse' | 'keyboard';

export interface Hand {
  name: HandName;
  /** A button, or a link. */
  press: (target: Locator) => Promise<void>;
  fill: (field: Locator, text: string) => Promise<void>;
  /** An option of a select, by its value. */
  choose: (select: Locator, value: string) => Promise<void>;
  /** A check box, or one of several radio buttons. */
  tick: (box: Locator, on?: boolean) => Promise<void>;
  /** What a combobox finds. */
  find: (combobox: Locator, text: string, option: string | RegExp) => Promise<void>;
  /** An item of the menu that `button` opens. */
  fromMenu: (button: Locator, item: string | RegExp) => Promise<void>;
  /** The way back that a message at the edge of the screen offers. */
  undo: () => Promise<void>;
  upload: (field: Locator, file: { name: string; mimeType: string; buffer: Buffer }) => Promise<void>;
}

const mouse = (page: Page): Hand => ({
  name: 'mouse',
  press: (target) => target.click(),
  fill: (field, text) => field.fill(text),
  choose: async (select, value) => void (await select.selectOption(value)),
  tick: (box, on = true) => box.setChecked(on),
  find: async (combobox, text, option) => {
    await combobox.fill(text);
    await page.getByRole('option', { name: option }).click();
  },
  fromMenu: async (button, item) => {
    await button.click();
    await page.getByRole('menuitem', { name: item }).click();
  },
  undo: () => page.getByRole('button', { name: 'Undo', exact: true }).click(),
  upload: (field, file) => field.setInputFiles(file),
});

const keyboard = (page: Page): Hand => ({
  name: 'keyboard',
  press: (target) => keys.press(page, target),
  fill: (field, text) => keys.fill(page, field, text),
  choose: (select, value) => keys.choose(page, select, value),
  tick: (box, on = true) => keys.tick(page, box, on),
  find: async (combobox, text, option) => {
    await keys.fill(page, combobox, text);
    await expect(page.getByRole('option', { name: option, selected: true })).toBeVisible();
    await page.keyboard.press('Enter');
  },
  fromMenu: (button, item) => keys.fromMenu(page, button, item),
  undo: async () => {
    await expect(page.getByRole('button', { name: 'Undo', exact: true })).toBeVisible();
    await page.keyboard.press('u');
  },
  upload: async (field, file) => {
    await keys.tabTo(page, field);
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
    await chooser.setFiles(file);
  },
});

/** Whoever has no mouse moves none: with the keyboard's hand, a pointer that is used is told as an error of the page. */
const noPointer = (): void =>
  addEventListener(
    'pointerdown',
    () => {
      throw new Error('the mouse was used in a story by keyboard');
    },
    { capture: true },
  );

export async function handOf(name: HandName, page: Page): Promise<Hand> {
  if (name === 'mouse') return mouse(page);
  await page.addInitScript(noPointer);
  // The browser's own dialog is taken over from now on, not only once somebody waits for it.
  page.on('filechooser', () => undefined);
  return keyboard(page);
}

export const HANDS: HandName[] = ['mouse', 'keyboard'];
