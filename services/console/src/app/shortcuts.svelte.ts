/** The keys that work everywhere. While somebody types, only Ctrl or ⌘ with K does. */
import { router } from '$lib/router';
import { navigation } from './screens';

const SEQUENCE = 1_200;

class Shortcuts {
  paletteOpen = $state(false);
  /** What is asked of the palette. */
  query = $state('');
  helpOpen = $state(false);
  readonly mac = navigator.platform.toLowerCase().includes('mac');
  #goUntil = 0;

  pressed = (event: KeyboardEvent): void => {
    if (event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      this.paletteOpen = !this.paletteOpen;
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (this.paletteOpen) this.#ahead(event);
    if (this.paletteOpen || overlaid()) return;
    if (Date.now() < this.#goUntil) this.#go(event);
    else this.#single(event);
  };

  /** Who types on before the palette is there means the palette. */
  #ahead(event: KeyboardEvent): void {
    if (event.key.length !== 1) return;
    event.preventDefault();
    this.query += event.key;
  }

  #single(event: KeyboardEvent): void {
    const { key } = event;
    if (key === '/') focus(event, '[data-search]');
    else if (key === 'n') click(event, '[data-new]');
    else if (key === 'u') click(event, '.toast:last-child [data-undo]');
    else if (key === '?') this.helpOpen = true;
    else if (key === 'g') this.#goUntil = Date.now() + SEQUENCE;
  }

  #go(event: KeyboardEvent): void {
    this.#goUntil = 0;
    const entries = navigation().flatMap((group) => group.entries);
    const entry = entries.find(({ nav }) => nav.key === event.key);
    if (!entry) return;
    event.preventDefault();
    router.go(entry.route.path);
  }
}

function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return (
    element?.closest('input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable]') !==
    null
  );
}

const overlaid = (): boolean => document.querySelector('[role="dialog"], [role="menu"]') !== null;

function focus(event: Event, selector: string): void {
  const element = document.querySelector<HTMLElement>(selector);
  if (!element) return;
  event.preventDefault();
  element.focus();
}

function click(event: Event, selector: string): void {
  const element = document.querySelector<HTMLElement>(selector);
  if (!element) return;
  event.preventDefault();
  element.click();
}

export const shortcuts = new Shortcuts();
