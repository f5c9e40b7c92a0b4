// What the service says in English has German words here: every code of a problem that the API's sources speak, and every
// setting. One without fails the check.
import { readdirSync, readFileSync } from 'node:fs';

const API = new URL('../../api/src/', import.meta.url).pathname;
const SETTINGS = new URL('../../chiliview/src/settings.rs', import.meta.url);
const SPOKEN = [
  /(?:conflict|with_code)\(\s*"([a-z_]+)"/g,
  /Self::new\(\s*(?:StatusCode::\w+|status)\s*,\s*"([a-z_]+)"/g,
  /let code = if .*?"([a-z_]+)" \} else/g,
  /let code = if .*? \} else \{ "([a-z_]+)"/g,
  /const \w+_CODE: &str = "([a-z_]+)"/g,
];

const all = (text, pattern) => [...text.matchAll(pattern)].map(([, name]) => name);

function problems() {
  const sources = readdirSync(API, { recursive: true }).filter(
    (file) => /\.rs$/.test(file) && !file.endsWith('tests.rs'),
  );
  return sources.flatMap((file) => {
    const text = readFileSync(API + file, 'utf8');
    return SPOKEN.flatMap((pattern) => all(text, pattern));
  });
}

/** The fields of the struct but those that no layer sets. */
function settings() {
  const [, fields = ''] = /struct Settings \{\n(.*?)\n\}/s.exec(readFileSync(SETTINGS, 'utf8')) ?? [];
  return all(fields.replaceAll(/#\[serde\(skip\)\]\s+\S+ \w+:/g, ''), /^ {4}pub\(crate\) (\w+):/gm);
}

/** Which of these have no words in `file`, before `end`. */
function missing(names, fewest, file, end) {
  const known = new Set(names);
  if (known.size < fewest)
    throw new Error(`only ${known.size} names found for ${file}: the patterns have come of age`);
  const [words] = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8').split(end);
  const without = [...known].filter((name) => !new RegExp(`^  ${name}:`, 'm').test(words)).sort();
  if (without.length > 0) console.error(`${file} has no words for: ${without.join(', ')}`);
  return without;
}

const without = [
  ...missing(problems(), 50, 'src/lib/refusals/german.ts', 'export const FIELDS'),
  ...missing(settings(), 40, 'src/routes/settings/german.ts', '\n};'),
];
if (without.length > 0) process.exit(1);
