// German words of the doctor ask only for parameters that their code has; that each code has words is the compiler's business.
import { readdirSync, readFileSync } from 'node:fs';

const SAYS = new URL('../../../crates/doctor/src/says/', import.meta.url).pathname;
const GERMAN = new URL('../src/routes/doctor/german.ts', import.meta.url);
const SENTENCE = /^\s+\w+ (?:\{ (?<params>[^}]+) \} )?= "(?<code>[a-z_]+)":/gm;
const WORDS = /^ {2}(?<code>[a-z_]+): \(\{ (?<asked>[^}]+) \}\) =>/gm;

const sources = readdirSync(SAYS).map((file) => readFileSync(SAYS + file, 'utf8'));
const given = new Map(
  sources.flatMap((text) =>
    [...text.matchAll(SENTENCE)].map(({ groups: { params = '', code } }) => [
      code,
      params.split(', ').map((param) => param.split(':')[0]),
    ]),
  ),
);
if (given.size < 100)
  throw new Error(`only ${given.size} sentences found in ${SAYS}: the pattern has come of age`);
const wrong = [...readFileSync(GERMAN, 'utf8').matchAll(WORDS)].flatMap(({ groups: { code, asked } }) =>
  asked
    .split(', ')
    .filter((param) => !given.get(code)?.includes(param))
    .map((param) => `${code}.${param}`),
);
if (wrong.length > 0) {
  console.error(`src/routes/doctor/german.ts asks for what the doctor does not tell: ${wrong.join(', ')}`);
  process.exit(1);
}
