/** Every screen, with what it needs to have something to show. A new screen gets a line here, and with it axe, the content policy and all widths. */
import type { World } from './world';

export interface Screen {
  name: string;
  path: (world: World) => Promise<string>;
  /** What stands there once the screen has all that it shows, where nothing says that it still waits. */
  ready?: string;
}

const screen = (
  name: string,
  path: string | ((world: World) => Promise<string>),
  ready?: string,
): Screen => ({
  name,
  ready,
  path: typeof path === 'string' ? () => Promise.resolve(path) : path,
});

const ofReseller = (name: string, part: string): Screen =>
  screen(name, async (world) => `/resellers/${await world.lived()}${part}`);

export const screens: Screen[] = [
  screen('overview', async (world) => (await world.backup(), '/')),

  screen('resellers', async (world) => (await world.reseller(), '/resellers')),
  screen('resellers, nothing found', '/resellers?q=nothing-of-this-name'),
  screen('new reseller', '/resellers/new'),
  ofReseller('reseller, overview', ''),
  ofReseller('reseller, users', '/users'),
  ofReseller('reseller, backups', '/backups'),
  ofReseller('reseller, schedules', '/schedules'),
  ofReseller('reseller, audit', '/audit'),
  ofReseller('reseller, settings', '/settings'),
  ofReseller('reseller, danger zone', '/danger'),
  screen('reseller, nothing in it yet', async (world) => `/resellers/${await world.fresh()}/users`),
  ofReseller('new user', '/users/new'),
  ofReseller('import users', '/users/import'),
  screen('user', async (world) => `/resellers/${await world.reseller()}/users/${await world.user()}`),

  screen('backups', async (world) => (await world.backup(), '/backups')),
  screen('backups, nothing found', '/backups?status=damaged'),
  screen('new backup', '/backups?new=1'),
  screen('import of a backup', '/backups?import=1'),
  screen('backup', async (world) => `/backups/${(await world.backup()).id}`),
  screen('restores', '/restores'),
  screen('restore, choose', async (world) => `/restores/new?backup=${(await world.backup()).id}`),
  screen(
    'restore, check',
    async (world) => `/restores/new?backup=${(await world.backup()).id}&step=2`,
    'The backup is whole',
  ),
  screen('restore, confirm', async (world) => `/restores/new?backup=${(await world.backup()).id}&step=3`),
  screen('restore', async (world) => `/restores/${await world.restore()}`),

  screen('schedules', async (world) => (await world.schedule(), '/schedules')),
  screen('new schedule', '/schedules/new'),
  screen('schedule', async (world) => `/schedules/${(await world.run()).schedule}`),
  screen('schedule, edited', async (world) => `/schedules/${await world.schedule()}/edit`),
  screen('run of a schedule', async (world) => {
    const { schedule, run } = await world.run();
    return `/schedules/${schedule}/runs/${run}`;
  }),

  screen('jobs', '/jobs'),
  screen('jobs, nothing found', '/jobs?status=cancelled'),
  screen('trace', async (world) => `/traces/${(await world.backup()).trace_id}`),
  screen('events', '/events'),
  screen('doctor', '/doctor'),
  screen('round of the doctor', async (world) => `/doctor/${await world.doctor()}`),
  screen('audit log', '/audit'),
  screen('line of the audit log', '/audit?line=1'),

  screen('notices', '/notifications'),
  screen('channels', async (world) => (await world.channel(), '/notifications/channels')),
  screen('new channel', '/notifications/channels/new'),
  screen('channel', async (world) => `/notifications/channels/${await world.channel()}`),
  screen('deliveries', async (world) => `/notifications/channels/${await world.delivered()}/deliveries`),

  screen('admins', async (world) => (await world.admin(), '/admins')),
  screen('new admin', '/admins?new=1'),
  screen('admin', async (world) => `/admins/${await world.admin()}`),
  screen('account', '/account'),
  screen('sessions', '/sessions'),
  screen('sessions of everybody', '/sessions/all'),
  screen('API keys', async (world) => (await world.key(), '/keys')),
  screen('new API key', '/keys?new=1'),
  screen('settings', '/settings'),
  screen('about', '/about'),
];
