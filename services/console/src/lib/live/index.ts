export { live } from './live.svelte';
export type { LiveEvent } from './apply';
