/** The language that the console speaks, and words that stand in both. */
export type Locale = 'en' | 'de';

const KEY = 'chiliview.language';

function kept(): Locale {
  const stored = localStorage.getItem(KEY);
  if (stored === 'en' || stored === 'de') return stored;
  return navigator.language.toLowerCase().startsWith('de') ? 'de' : 'en';
}

class CurrentLocale {
  #current = $state<Locale>(kept());

  constructor() {
    // Chosen in another tab.
    addEventListener('storage', () => (this.#current = kept()));
  }

  get current(): Locale {
    return this.#current;
  }

  set current(next: Locale) {
    this.#current = next;
    localStorage.setItem(KEY, next);
  }
}

export const locale = new CurrentLocale();
