import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const api = process.env.CHILIVIEW_API ?? 'http://127.0.0.1:8000';
const source = fileURLToPath(new URL('./src', import.meta.url));
// The page's own origin stands in `Origin`; the service compares it with the host that it was asked for.
const proxy = {
  '/api': { target: api, changeOrigin: false },
  '/livez': { target: api, changeOrigin: false },
};

export default defineConfig({
  plugins: [svelte()],
  resolve: { alias: { $lib: `${source}/lib`, $app: `${source}/app` } },
  server: { proxy },
  preview: { proxy },
  build: {
    target: 'es2022',
    manifest: true,
    // What the licences of the packages inside ask for; the page about ChiliView links to it.
    license: { fileName: 'licences.txt' },
    // Nothing becomes a `data:` URL: the policy of the page allows none.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 300,
  },
});
