/**
 * What every test gets: the service (one a worker), a page in which each error, each broken rule of the content policy and each
 * unexpected answer of the service fails the test, a hand to use it with, and ways to log in and to make data.
 */
import { randomUUID } from 'node:crypto';
import { test as base, expect, type Page } from '@playwright/test';
import { Api } from './api';
import { handOf, HANDS, type Hand, type HandName } from './hands';
import { startService, PASSWORD, type Service } from './service';
import { watch } from './watch';
import { World } from './world';

interface Fixtures {
  api: Api;
  /** A page that is logged in as the admin. */
  console: Page;
  unique: string;
  hand: Hand;
}

interface Options {
  /** What the browser may complain about, since the test means to cause it. */
  tolerated: RegExp[];
  by: HandName;
}

export const test = base.extend<Fixtures & Options, { jobs: boolean; service: Service; world: World }>({
  /** Without them, backups wait for ever. */
  jobs: [true, { option: true, scope: 'worker' }],
  service: [
    async ({ jobs }, use) => {
      const service = await startService({ jobs });
      await use(service);
      await service.stop();
    },
    { scope: 'worker' },
  ],
  world: [
    async ({ service }, use) => use(new World(await loggedIn(service), 'acme-hosting')),
    { scope: 'worker' },
  ],
  baseURL: async ({ service }, use) => use(service.url),
  tolerated: [[], { option: true }],
  by: ['mouse', { option: true }],
  page: async ({ page, tolerated }, use) => {
    const complaints = await watch(page);
    await use(page);
    const left = complaints.filter((complaint) => !tolerated.some((pattern) => pattern.test(complaint)));
    expect(left, 'what the browser complained about').toEqual([]);
  },
  hand: async ({ page, by }, use) => use(await handOf(by, page)),
  api: async ({ service }, use) => use(await loggedIn(service)),
  console: async ({ page }, use) => {
    await enter(page, '/');
    await expect(page.getByRole('navigation', { name: 'Navigation' })).toBeVisible();
    await use(page);
  },
  unique: async ({}, use) => use(`t${randomUUID().slice(0, 8)}`),
});

/** Tells each story twice: with a mouse, and with a keyboard alone. */
export function byEveryHand(stories: () => void): void {
  for (const by of HANDS) {
    test.describe(`by ${by}`, () => {
      test.use({ by });
      stories();
    });
  }
}

async function loggedIn(service: Service): Promise<Api> {
  const api = new Api(service.api);
  await api.login('admin', PASSWORD);
  return api;
}

/** Logs the admin in without the form, which has stories of its own, and goes to `path`. */
export async function enter(page: Page, path: string): Promise<void> {
  const data = { username: 'admin', password: PASSWORD };
  const answer = await page.request.post('/api/auth/login', { data });
  expect(answer.status(), await answer.text()).toBe(200);
  await page.goto(path);
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
    await page.getByRole('radio', { name: "Reseller's team" }).press('Space');
    await page.locator('input[name=tenant]').fill(tenant);
  }
  await page.locator('input[name=username]').fill(username);
  await page.locator('input[name=password]').fill(password);
  await page.keyboard.press('Enter');
}

export { expect, PASSWORD };
export type { Page, Service };
