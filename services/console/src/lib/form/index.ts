export { Form, type FormOptions } from './form.svelte';
export { default as FormFrame } from './FormFrame.svelte';
