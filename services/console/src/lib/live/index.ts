export { live } from './live.svelte';
