/**
 * Changes a row that is there. What is sent names the version that the person saw, never the one that arrived in the cache
 * meanwhile; while nothing is typed, the form follows what is stored.
 */
import { untrack } from 'svelte';
import type { Versioned } from '$lib/api';
import { Form } from './form.svelte';

export interface EditOptions<R, V extends Record<string, unknown>> {
  /** The row as the cache has it. */
  stored: () => Versioned<R>;
  /** What of it can be edited. */
  values: (row: R) => V;
  /** Asks for the row anew and puts it into the cache. */
  fetch: () => Promise<Versioned<R>>;
  /** Sends the fields that became different; puts the answer into the cache. */
  send: (changes: Partial<V>, etag: string, values: V) => Promise<void>;
}

export class Edit<R, V extends Record<string, unknown>> {
  readonly form: Form<V>;
  #etag: string;

  constructor(options: EditOptions<R, V>) {
    const first = untrack(options.stored);
    this.#etag = first.etag;
    this.form = new Form<V>({
      initial: options.values(first.row),
      submit: (values) => options.send(this.form.changes(), this.#etag, values),
      current: async () => {
        const { row, etag } = await options.fetch();
        return { row: options.values(row), etag };
      },
    });
    $effect(() => {
      const { row, etag } = options.stored();
      if (this.form.dirty || this.form.busy || etag === this.#etag) return;
      this.#etag = etag;
      untrack(() => this.form.reset(options.values(row)));
    });
  }

  /** Saves over the version that stands there now. */
  overwrite = (etag: string): void => {
    this.#etag = etag;
  };
}
