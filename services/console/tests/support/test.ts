/**
 * What every test gets: the service (one a worker), a page in which each error, each broken rule of the content policy and each
 * unexpected answer of the service fails the test, and ways to log in and to make data.
 */
import { randomUUID } from 'node:crypto';
import { test as base, expect, type Page } from '@playwright/test';
import { Api } from './api';
import { startService, PASSWORD, type Service } from './service';

interface Fixtures {
  api: Api;
  /** A page that is logged in as the admin. */
  console: Page;
  unique: string;
}

export const test = base.extend<Fixtures & { tolerated: RegExp[] }, { service: Service }>({
  service: [
    async ({}, use) => {
      const service = await startService();
      await use(service);
      await service.stop();
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ service }, use) => use(service.url),
  /** Console messages that the test means to cause. */
  tolerated: [[], { option: true }],
  page: async ({ page, tolerated }, use) => {
    const complaints: string[] = [];
    await watch(page, complaints);
    await use(page);
    const left = complaints.filter((complaint) => !tolerated.some((pattern) => pattern.test(complaint)));
    expect(left, 'what the browser complained about').toEqual([]);
  },
  api: async ({ service }, use) => {
    const api = new Api(service.api);
    await api.login('admin', PASSWORD);
    await use(api);
  },
  console: async ({ page }, use) => {
    await logIn(page);
    await use(page);
  },
  unique: async ({}, use) => use(`t${randomUUID().slice(0, 8)}`),
});

/** Breaches of the content policy, errors of scripts and errors in the browser's console. */
export async function watch(page: Page, complaints: string[]): Promise<void> {
  await page.exposeFunction('policyBroken', (text: string) => complaints.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const tell = (window as unknown as { policyBroken: (text: string) => void }).policyBroken;
      tell(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    // A refusal that the page handles is told by the browser as an error too: 401 when nobody is logged in yet.
    const handled = /Failed to load resource: the server responded with a status of 4\d\d/.test(
      message.text(),
    );
    if (message.type() === 'error' && !handled) complaints.push(`console: ${message.text()}`);
  });
}

export async function logIn(
  page: Page,
  who: { username?: string; password?: string; tenant?: string } = {},
): Promise<void> {
  const { username = 'admin', password = PASSWORD, tenant } = who;
  await page.goto('/');
  await fillLogin(page, username, password, tenant);
  await expect(page.getByRole('navigation', { name: /^Navigation$/ })).toBeVisible();
}

export async function fillLogin(
  page: Page,
  username: string,
  password: string,
  tenant?: string,
): Promise<void> {
  if (tenant) {
    await page.getByRole('radio', { name: "Reseller's team" }).check({ force: true });
    await page.locator('input[name=tenant]').fill(tenant);
  }
  await page.locator('input[name=username]').fill(username);
  await page.locator('input[name=password]').fill(password);
  await page.getByRole('button', { name: /^(Log in|Anmelden)$/ }).click();
}

export { expect, PASSWORD };
export type { Page, Service };
