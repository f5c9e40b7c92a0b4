export { default as Reason } from './Reason.svelte';
export { advice, reason } from './reason';
