// The JavaScript that the first screen needs, gzipped: the entry and all that it imports at once, and the screen one starts
// with. Fails above the limit.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT = 120 * 1024;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

function withImports(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const next of manifest[key].imports ?? []) withImports(next, seen);
  return seen;
}

const first = ['src/routes/overview/Overview.svelte', 'src/routes/backups/Backups.svelte'].find(
  (key) => manifest[key],
);
const needed = withImports(first, withImports('index.html'));
const sizes = [...needed].map((key) => {
  const { file } = manifest[key];
  return { file, bytes: gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length };
});
const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);

for (const { file, bytes } of sizes.sort((a, b) => b.bytes - a.bytes))
  console.log(`${String(bytes).padStart(8)} ${file}`);
console.log(
  `${String(total).padStart(8)} bytes of JavaScript, gzipped, for the first screen; ${LIMIT} are allowed`,
);
if (total > LIMIT) process.exit(1);
