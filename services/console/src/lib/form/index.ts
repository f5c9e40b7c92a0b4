export { Form, type FormOptions } from './form.svelte';
export { default as FormFrame } from './FormFrame.svelte';
export { Edit, type EditOptions } from './edit.svelte';
