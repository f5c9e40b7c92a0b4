export { client, call, callVersioned, idempotencyKey, type Versioned } from './client';
export { ApiProblem, NoAnswer, isProblem } from './problem';
export { session } from './session.svelte';
export { network } from './network.svelte';
export { queryClient } from './query';
export type * from './schema';
