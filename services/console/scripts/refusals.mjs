// Every code of a problem that the API's sources speak has German words; one without fails the check.
import { readdirSync, readFileSync } from 'node:fs';

const API = new URL('../../api/src/', import.meta.url).pathname;
const GERMAN = new URL('../src/lib/refusals/german.ts', import.meta.url);
const SPOKEN = [
  /(?:conflict|with_code)\(\s*"([a-z_]+)"/g,
  /Self::new\(\s*(?:StatusCode::\w+|status)\s*,\s*"([a-z_]+)"/g,
  /let code = if .*?"([a-z_]+)" \} else/g,
  /let code = if .*? \} else \{ "([a-z_]+)"/g,
  /const \w+_CODE: &str = "([a-z_]+)"/g,
];

const sources = readdirSync(API, { recursive: true }).filter(
  (file) => /\.rs$/.test(file) && !file.endsWith('tests.rs'),
);
const spoken = new Set(
  sources.flatMap((file) => {
    const text = readFileSync(API + file, 'utf8');
    return SPOKEN.flatMap((pattern) => [...text.matchAll(pattern)].map(([, code]) => code));
  }),
);
if (spoken.size < 50)
  throw new Error(`only ${spoken.size} codes found in ${API}: the patterns have come of age`);
const [problems] = readFileSync(GERMAN, 'utf8').split('export const FIELDS');
const without = [...spoken].filter((code) => !new RegExp(`^  ${code}:`, 'm').test(problems)).sort();
if (without.length > 0) {
  console.error(`src/lib/refusals/german.ts has no words for: ${without.join(', ')}`);
  process.exit(1);
}
