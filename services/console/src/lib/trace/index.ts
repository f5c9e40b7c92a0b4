export { default as Trace } from './Trace.svelte';
