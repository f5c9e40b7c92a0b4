/**
 * What changes elsewhere shows here. Server-sent events patch the cache; while the stream is down, what is on the screen is
 * asked for again every few seconds, and once it is back everything is.
 */
import type { Query } from '@tanstack/svelte-query';
import { network, queryClient } from '$lib/api';
import { apply, told, type LiveEvent } from './apply';

const POLL_EVERY = 4_000;
/** By then, what was being asked for when the stream came has been answered. */
const SETTLE = 400;
const REOPEN_AFTER = 3_000;

type State = 'connecting' | 'live' | 'polling';

class Live {
  state = $state<State>('connecting');
  #source: EventSource | undefined;
  #poll: ReturnType<typeof setInterval> | undefined;
  #reopen: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<(event: LiveEvent) => void>();

  start(): void {
    if (this.#source !== undefined) return;
    const source = new EventSource('/api/events');
    this.#source = source;
    source.addEventListener('open', () => this.#opened());
    source.addEventListener('error', () => this.#broke(source));
    // More was missed than the service tells one by one.
    source.addEventListener('reset', () => void queryClient.invalidateQueries());
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
    // It tells what comes from now on: what was asked for before may have changed in between.
    const before = new Set(queryClient.getQueryCache().getAll());
    const again = { predicate: (query: Query) => before.has(query) };
    setTimeout(() => void queryClient.invalidateQueries(again), SETTLE);
  }

  #broke(source: EventSource): void {
    this.state = 'polling';
    void network.check();
    this.#poll ??= setInterval(() => {
      void queryClient.invalidateQueries({ refetchType: 'active' });
    }, POLL_EVERY);
    if (source.readyState !== EventSource.CLOSED) return;
    this.#source = undefined;
    clearTimeout(this.#reopen);
    this.#reopen = setTimeout(() => this.start(), REOPEN_AFTER);
  }
}

export const live = new Live();
