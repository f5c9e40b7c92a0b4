/** Where the page is: path, query and what the history entry remembers. The URL holds what a list shows, so that a link shows it too. */

type Guard = () => boolean;

class Router {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));
  /** Kept by the browser with the history entry, across reloads. */
  memory = $state.raw<Record<string, unknown>>(history.state ?? {});
  #guards = new Set<Guard>();
  #restoring = false;

  constructor() {
    addEventListener('popstate', () => this.#popped());
    addEventListener('beforeunload', (event) => {
      if ([...this.#guards].some((blocks) => blocks())) event.preventDefault();
    });
    document.addEventListener('click', (event) => this.#clicked(event));
  }

  /** Goes to a path of the console, query included. Answers whether nothing held the person back. */
  go(href: string, options: { replace?: boolean; memory?: Record<string, unknown> } = {}): boolean {
    const url = new URL(href, location.origin);
    if (url.pathname !== this.path && !this.#mayLeave()) return false;
    const memory = options.memory ?? {};
    history[options.replace ? 'replaceState' : 'pushState'](memory, '', url);
    this.#read();
    return true;
  }

  /** Changes parts of the query; an empty value removes its key. */
  setQuery(
    changes: Record<string, string | undefined>,
    options: { replace?: boolean; memory?: Record<string, unknown> } = {},
  ): void {
    const next = new URLSearchParams(this.query);
    for (const [key, value] of Object.entries(changes)) {
      if (value) next.set(key, value);
      else next.delete(key);
    }
    const text = next.toString();
    this.go(text ? `${this.path}?${text}` : this.path, options);
  }

  /** While `blocks` answers true, leaving asks first. Returns the way to take it back. */
  guard(blocks: Guard): () => void {
    this.#guards.add(blocks);
    return () => this.#guards.delete(blocks);
  }

  /** Set by the application: asks whether unsaved changes may be lost. */
  confirmLeave: () => boolean = () => true;

  #mayLeave(): boolean {
    return ![...this.#guards].some((blocks) => blocks()) || this.confirmLeave();
  }

  #popped(): void {
    if (this.#restoring) {
      this.#restoring = false;
      return;
    }
    if (location.pathname !== this.path && !this.#mayLeave()) {
      this.#restoring = true;
      history.forward();
      return;
    }
    this.#read();
  }

  #read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
    this.memory = history.state ?? {};
  }

  #clicked(event: MouseEvent): void {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element | null)?.closest('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    // What the service answers itself, downloads and its documentation, is not a page of the console.
    if (link.pathname.startsWith('/api') || link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    this.go(link.href);
  }
}

export const router = new Router();
