/**
 * Changes a row that is there. What is sent names the version that the person saw, never the one that arrived in the cache
 * meanwhile; while nothing is typed, the form follows what is stored.
 */
import { untrack } from 'svelte';
import { ApiProblem, NoAnswer, type Versioned } from '$lib/api';
import { changerOf, type Changer, type Logged } from './changer';
import { Form } from './form.svelte';

export interface EditOptions<R, V extends Record<string, unknown>> {
  /** The row as the cache has it. */
  stored: () => Versioned<R>;
  /** What of it can be edited. */
  values: (row: R) => V;
  /** Asks for the row anew and puts it into the cache. */
  fetch: () => Promise<Versioned<R>>;
  /** Where the audit log tells of the row. */
  logged: (row: R) => Logged | Promise<Logged>;
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
        return { row: options.values(row), etag, by: await changed(options.logged, row) };
      },
      rebase: (etag) => (this.#etag = etag),
    });
    $effect(() => {
      const { row, etag } = options.stored();
      if (this.form.dirty || this.form.busy || etag === this.#etag) return;
      this.#etag = etag;
      untrack(() => this.form.reset(options.values(row)));
    });
  }
}

/** Who it was helps, and is not needed: a log that does not answer keeps nobody from saving. */
async function changed<R>(logged: EditOptions<R, never>['logged'], row: R): Promise<Changer | undefined> {
  try {
    return await changerOf(await logged(row));
  } catch (failure) {
    if (failure instanceof ApiProblem || failure instanceof NoAnswer) return undefined;
    throw failure;
  }
}
