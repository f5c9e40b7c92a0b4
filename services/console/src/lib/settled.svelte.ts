/** Waits until somebody has stopped typing, before the service is asked. */
import { untrack } from 'svelte';

/** Does `work` after a pause. What it answers calls that off, and ends the signal of work that has begun: for `$effect`. */
export function settle(milliseconds: number, work: (signal: AbortSignal) => void): () => void {
  const abort = new AbortController();
  const timer = setTimeout(() => work(abort.signal), milliseconds);
  return () => {
    clearTimeout(timer);
    abort.abort();
  };
}

/** The value as it is once it has stood still for so long; the first counts at once. */
export function settled<T>(value: () => T, milliseconds: number): { readonly current: T } {
  let current = $state.raw(untrack(value));
  $effect(() => {
    const next = value();
    return settle(milliseconds, () => (current = next));
  });
  return {
    get current() {
      return current;
    },
  };
}
