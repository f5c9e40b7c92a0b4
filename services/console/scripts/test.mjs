// Playwright on the machine's own Chromium. Without one, CI fails; elsewhere one line says what was not tested.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
if (!existsSync(chromium)) {
  const why = `skipped: the console's browser tests, since there is no ${chromium} (apt install chromium, or set CHROMIUM)`;
  console.log(why);
  process.exit(process.env.CI ? 1 : 0);
}
const { status } = spawnSync('npx', ['playwright', 'test', ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(status ?? 1);
