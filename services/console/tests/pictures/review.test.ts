/**
 * Every screen to look at: with nothing in it, with a little, and with 3,000 rows; in both themes and languages; wide and on a
 * phone. `npm run pictures review` leaves them in `pictures/`, and sheets of several beside them. `ROWS=few` makes one of the three.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser } from '@playwright/test';
import { Api } from '../support/api';
import { backUpAll, importPeople, makeTenants, tenantOf } from '../support/fleet';
import { LANGUAGES, look, THEMES } from '../support/looks';
import { screens } from '../support/screens';
import { startService, type Service } from '../support/service';
import { enter, PASSWORD, test, type Page } from '../support/test';
import { World } from '../support/world';

const PLACE = resolve(import.meta.dirname, '../../pictures');
const MANY = Number(process.env.MANY ?? 3_000);
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const SHEETS = { wide: { columns: 2, most: 4, width: 780 }, phone: { columns: 5, most: 5, width: 312 } };

type Shown = [name: string, path: string][];

const LISTS: Shown = [
  ['overview', '/'],
  ['resellers', '/resellers'],
  ['backups', '/backups'],
  ['restores', '/restores'],
  ['schedules', '/schedules'],
  ['jobs', '/jobs'],
  ['events', '/events'],
  ['doctor', '/doctor'],
  ['audit', '/audit'],
  ['notices', '/notifications'],
  ['channels', '/notifications/channels'],
  ['admins', '/admins'],
  ['sessions', '/sessions'],
  ['everybody', '/sessions/all'],
  ['keys', '/keys'],
];
const partsOf = (slug: string): Shown =>
  ['', '/users', '/backups', '/schedules', '/audit', '/settings'].map((part) => [
    `reseller${part.replace('/', '-')}`,
    `/resellers/${slug}${part}`,
  ]);

const seeds: Record<string, (api: Api) => Promise<Shown>> = {
  none: async (api) => [...LISTS, ...partsOf((await api.tenant('acme')).slug)],
  few: async (api) => {
    await makeTenants(api, 3);
    const world = new World(api, 'acme-hosting');
    const shown: Shown = [];
    for (const { name, path } of screens) shown.push([name.replaceAll(/[^a-z]+/gi, '-'), await path(world)]);
    return shown;
  },
  many: async (api) => {
    await makeTenants(api, MANY);
    const { slug } = tenantOf(0);
    await importPeople(api, slug, MANY);
    await backUpAll(api);
    return [...LISTS, ...partsOf(slug)];
  },
};

async function arrived(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page
    .locator('[aria-busy=true], [role=status][aria-label*="…"]')
    .first()
    .waitFor({ state: 'detached' });
}

async function shoot(page: Page, rows: string, [name, path]: Shown[number]): Promise<void> {
  await page.goto(path);
  await arrived(page);
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const theme of THEMES) {
      for (const language of LANGUAGES) {
        await look(page, theme, language);
        await page.screenshot({
          path: join(PLACE, rows, `${size}-${theme}-${language}`, `${name}.png`),
          animations: 'disabled',
          fullPage: true,
        });
      }
    }
  }
}

/** Several pictures on one, to look at many at once. */
async function sheet(browser: Browser, rows: string, look: string): Promise<void> {
  const { columns, most, width } = SHEETS[look.split('-')[0] as keyof typeof SHEETS];
  const folder = join(PLACE, rows, look);
  const names = readdirSync(folder).sort();
  const page = await browser.newPage({ viewport: { width: columns * width, height: 900 } });
  await page.goto(`file://${folder}`);
  for (let from = 0; from < names.length; from += most) {
    const figures = names
      .slice(from, from + most)
      .map((name) => `<figure><figcaption>${name}</figcaption><img src="file://${folder}/${name}"></figure>`);
    await page.setContent(
      `<style>body{margin:0;display:grid;grid-template-columns:repeat(${columns},1fr);gap:8px;background:#888;font:12px sans-serif}
      figure{margin:0} img{display:block;width:100%;max-height:1100px;object-fit:cover;object-position:top}</style>${figures.join('')}`,
      { waitUntil: 'load' },
    );
    await page.screenshot({
      path: join(PLACE, 'sheets', `${rows}-${look}-${from / most}.png`),
      fullPage: true,
    });
  }
  await page.close();
}

async function shootAll(browser: Browser, service: Service, rows: string, shown: Shown): Promise<void> {
  const page = await browser.newPage({ baseURL: service.url });
  await enter(page, '/');
  await arrived(page);
  for (const one of shown) await shoot(page, rows, one);
  await page.close();
  mkdirSync(join(PLACE, 'sheets'), { recursive: true });
  for (const look of readdirSync(join(PLACE, rows))) await sheet(browser, rows, look);
}

for (const [rows, seed] of Object.entries(seeds)) {
  test(`every screen, ${rows} rows`, async ({ browser }) => {
    test.skip(process.env.ROWS !== undefined && process.env.ROWS !== rows);
    test.setTimeout(40 * 60_000);
    const service = await startService();
    try {
      const api = new Api(service.api);
      await api.login('admin', PASSWORD);
      await shootAll(browser, service, rows, await seed(api));
    } finally {
      await service.stop();
    }
  });
}
