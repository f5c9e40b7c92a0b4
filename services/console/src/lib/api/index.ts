export { client, call, callVersioned, type Versioned } from './client';
export { ContentKey, idempotencyKey } from './idempotency';
export { ApiProblem, NoAnswer, isProblem } from './problem';
export { session } from './session.svelte';
export { network } from './network.svelte';
export { queryClient } from './query';
export type * from './schema';
