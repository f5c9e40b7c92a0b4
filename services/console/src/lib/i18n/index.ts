export { locale, type Locale } from './locale.svelte';
export { messages, plural, word, type Word } from './messages';
export { common } from './common';
export { clock } from './clock.svelte';
export * as format from './format';
