/** How this person likes the console to look; kept in the browser. The language is kept by `$lib/i18n`. */
import { locale } from '$lib/i18n';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'chiliview.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function kept(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

class Preferences {
  #theme = $state<Theme>(kept());
  #systemDark = $state(dark.matches);

  constructor() {
    dark.addEventListener('change', () => (this.#systemDark = dark.matches));
    // Chosen in another tab.
    addEventListener('storage', () => (this.#theme = kept()));
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(next: Theme) {
    this.#theme = next;
    localStorage.setItem(KEY, next);
  }

  get shown(): 'light' | 'dark' {
    if (this.#theme !== 'system') return this.#theme;
    return this.#systemDark ? 'dark' : 'light';
  }

  /** Writes both onto the document; runs again whenever one changes. */
  applyTo(root: HTMLElement): void {
    root.dataset.theme = this.shown;
    root.lang = locale.current;
  }
}

export const preferences = new Preferences();
