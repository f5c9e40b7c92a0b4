import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

/** Runes everywhere. Styles of components become files: the policy of the page allows no `<style>` element. */
export default { preprocess: vitePreprocess(), compilerOptions: { runes: true } };
