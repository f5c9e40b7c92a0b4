import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

/** Debian's; a browser of Playwright's own is downloaded by nobody. */
export const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export default defineConfig({
  testDir: 'tests/e2e',
  timeout: 180_000,
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env.CI),
  // A story that only came out the second time is reported as flaky.
  retries: process.env.CI ? 1 : 0,
  // Each worker has a service of its own, and each test names of its own.
  fullyParallel: true,
  workers: Number(process.env.WORKERS ?? 2),
  reporter: process.env.CI ? 'line' : 'list',
  use: {
    browserName: 'chromium',
    locale: 'en-GB',
    viewport: { width: 1440, height: 900 },
    // What a trace takes in time is half of what a test takes.
    trace: process.env.CI ? 'off' : 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: existsSync(chromium) ? chromium : undefined,
      args: process.getuid?.() === 0 ? ['--no-sandbox', ...flags] : flags,
    },
  },
});
