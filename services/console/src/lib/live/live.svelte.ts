/**
 * What changes elsewhere shows here. Server-sent events patch the cache; while the stream is down, what is on the screen is
 * asked for again every few seconds, and once it is back everything is.
 */
import { network, queryClient } from '$lib/api';
import { apply, told, type LiveEvent } from './apply';

const POLL_EVERY = 4_000;
const REOPEN_AFTER = 3_000;

type State = 'connecting' | 'live' | 'polling';

class Live {
  state = $state<State>('connecting');
  #source: EventSource | undefined;
  #poll: ReturnType<typeof setInterval> | undefined;
  #reopen: ReturnType<typeof setTimeout> | undefined;
  #missed = false;
  #listeners = new Set<(event: LiveEvent) => void>();

  start(): void {
    if (this.#source !== undefined) return;
    const source = new EventSource('/api/events');
    this.#source = source;
    source.addEventListener('open', () => this.#opened());
    source.addEventListener('error', () => this.#broke(source));
    for (const name of told) {
      source.addEventListener(name, (event) => this.#told(name, (event as MessageEvent<string>).data));
    }
  }

  /** Calls `listener` with every event from now on. */
  listen(listener: (event: LiveEvent) => void): void {
    this.#listeners.add(listener);
  }

  #told(name: LiveEvent['name'], text: string): void {
    const event = { name, data: JSON.parse(text) as unknown } as LiveEvent;
    apply(event);
    for (const listener of this.#listeners) listener(event);
  }

  stop(): void {
    this.#source?.close();
    this.#source = undefined;
    clearInterval(this.#poll);
    clearTimeout(this.#reopen);
    this.#poll = undefined;
    this.state = 'connecting';
  }

  #opened(): void {
    this.state = 'live';
    clearInterval(this.#poll);
    this.#poll = undefined;
    // The browser sends `Last-Event-ID` by itself when it reconnects; a stream opened anew has none.
    if (this.#missed) void queryClient.invalidateQueries();
    this.#missed = false;
  }

  #broke(source: EventSource): void {
    this.state = 'polling';
    void network.check();
    this.#poll ??= setInterval(() => {
      void queryClient.invalidateQueries({ refetchType: 'active' });
    }, POLL_EVERY);
    if (source.readyState !== EventSource.CLOSED) return;
    this.#missed = true;
    this.#source = undefined;
    clearTimeout(this.#reopen);
    this.#reopen = setTimeout(() => this.start(), REOPEN_AFTER);
  }
}

export const live = new Live();
