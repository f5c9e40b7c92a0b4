/** Every screen with what it needs to have something to show. A new screen gets a line here, and with it axe, CSP and 360 px. */
import type { Page } from '@playwright/test';
import type { BackupInfo } from '../../src/lib/api/schema';
import type { Api } from './api';
import { PASSWORD } from './service';

interface Prepared {
  path: string;
  /** What else is to be opened before one looks. */
  open?: (page: Page) => Promise<void>;
}

interface Screen {
  name: string;
  prepare: (api: Api, unique: string) => Promise<Prepared>;
}

const at = (path: string) => (): Promise<Prepared> => Promise.resolve({ path });

async function withBackup(api: Api, unique: string): Promise<BackupInfo> {
  await api.tenant(unique, { tags: ['premium'], contact_email: 'post@example.com' });
  return api.backup(unique);
}

async function anAdmin(api: Api, unique: string): Promise<string> {
  const body = { username: unique, role: 'operator', password: PASSWORD, email: 'post@example.com' };
  return (await api.send<{ id: string }>('POST', '/api/admins', body)).id;
}

async function aChannel(api: Api, unique: string): Promise<string> {
  const body = { name: unique, kind: 'email', target: 'oncall@example.com' };
  return (await api.send<{ id: string }>('POST', '/api/channels', body)).id;
}

export const screens: Screen[] = [
  {
    name: 'resellers',
    prepare: async (api, unique) => {
      await api.tenant(unique, { tags: ['premium'], contact_email: 'post@example.com' });
      return { path: '/resellers' };
    },
  },
  { name: 'resellers, nothing found', prepare: at('/resellers?q=nothing-of-this-name') },
  { name: 'new reseller', prepare: at('/resellers/new') },
  {
    name: 'backups',
    prepare: async (api, unique) => {
      await withBackup(api, unique);
      return { path: '/backups' };
    },
  },
  { name: 'backups, nothing found', prepare: at('/backups?status=damaged') },
  { name: 'new backup', prepare: at('/backups?new=1') },
  { name: 'admins', prepare: at('/admins') },
  { name: 'new admin', prepare: at('/admins?new=1') },
  {
    name: 'admin',
    prepare: async (api, unique) => ({ path: `/admins/${await anAdmin(api, unique)}` }),
  },
  { name: 'account', prepare: at('/account') },
  { name: 'sessions', prepare: at('/sessions') },
  { name: 'jobs', prepare: at('/jobs') },
  { name: 'jobs, nothing found', prepare: at('/jobs?status=cancelled') },
  { name: 'sessions of everybody', prepare: at('/sessions/all') },
  { name: 'API keys', prepare: at('/keys') },
  { name: 'new API key', prepare: at('/keys?new=1') },
  { name: 'settings', prepare: at('/settings') },
  { name: 'about', prepare: at('/about') },
  { name: 'events', prepare: at('/events') },
  { name: 'doctor', prepare: at('/doctor') },
  {
    name: 'a round of the doctor',
    prepare: async (api) => {
      const { id } = await api.send<{ id: string }>('POST', '/api/doctor', { repair: false });
      await api.ended(`/api/doctor/${id}`);
      return { path: `/doctor/${id}` };
    },
  },
  { name: 'audit log', prepare: at('/audit') },
  { name: 'a line of the audit log', prepare: at('/audit?line=1') },
  { name: 'notices', prepare: at('/notifications') },
  { name: 'channels', prepare: at('/notifications/channels') },
  { name: 'new channel', prepare: at('/notifications/channels/new') },
  {
    name: 'channel',
    prepare: async (api, unique) => ({ path: `/notifications/channels/${await aChannel(api, unique)}` }),
  },
  {
    name: 'deliveries',
    prepare: async (api, unique) => {
      const channel = await aChannel(api, unique);
      await api.send('POST', `/api/channels/${channel}/test`);
      return { path: `/notifications/channels/${channel}/deliveries` };
    },
  },
  { name: 'import', prepare: at('/backups?import=1') },
  {
    name: 'overview',
    prepare: async (api, unique) => {
      await withBackup(api, unique);
      return { path: '/' };
    },
  },
  {
    name: 'a backup',
    prepare: async (api, unique) => ({ path: `/backups/${(await withBackup(api, unique)).id}` }),
  },
  { name: 'restores', prepare: at('/restores') },
  {
    name: 'restore, choose',
    prepare: async (api, unique) => ({ path: `/restores/new?backup=${(await withBackup(api, unique)).id}` }),
  },
  {
    name: 'restore, check',
    prepare: async (api, unique) => ({
      path: `/restores/new?backup=${(await withBackup(api, unique)).id}&step=2`,
    }),
  },
  {
    name: 'restore, confirm',
    prepare: async (api, unique) => ({
      path: `/restores/new?backup=${(await withBackup(api, unique)).id}&step=3`,
    }),
  },
  {
    name: 'a restore',
    prepare: async (api, unique) => {
      const backup = await withBackup(api, unique);
      const body = { into: 'same', slug: unique, password: PASSWORD };
      const { id } = await api.send<{ id: string }>('POST', `/api/backups/${backup.id}/restore`, body);
      await api.restored(id);
      return { path: `/restores/${id}` };
    },
  },
];

/** A reseller with people, a schedule that has run, and a backup. */
async function lived(api: Api, unique: string): Promise<{ user: string; schedule: string; run: string }> {
  await api.tenant(unique, { tags: ['premium'], contact_email: 'post@example.com', quota_users: 10 });
  const { id: user } = await api.user(unique, {
    username: 'anna',
    email: 'anna@example.com',
    role: 'manager',
  });
  const { id: schedule } = await api.send<{ id: string }>('POST', '/api/schedules', {
    name: `Nightly ${unique}`,
    scope: 'tenant',
    tenant: unique,
    cron: '30 2 * * *',
    time_zone: 'Europe/Berlin',
    retention: { keep_last: 3, daily: 7 },
  });
  const { id: run } = await api.send<{ id: string }>('POST', `/api/schedules/${schedule}/run`);
  await api.ended(`/api/schedules/${schedule}/runs/${run}`);
  return { user, schedule, run };
}

const ofReseller = (part: string) => async (api: Api, unique: string) => {
  await lived(api, unique);
  return { path: `/resellers/${unique}${part}` };
};

screens.push(
  { name: 'reseller, overview', prepare: ofReseller('') },
  { name: 'reseller, users', prepare: ofReseller('/users') },
  { name: 'reseller, backups', prepare: ofReseller('/backups') },
  { name: 'reseller, schedules', prepare: ofReseller('/schedules') },
  { name: 'reseller, audit', prepare: ofReseller('/audit') },
  { name: 'reseller, settings', prepare: ofReseller('/settings') },
  { name: 'reseller, danger zone', prepare: ofReseller('/danger') },
  {
    name: 'reseller, nothing in it yet',
    prepare: async (api, unique) => {
      await api.tenant(unique);
      return { path: `/resellers/${unique}/users` };
    },
  },
  { name: 'new user', prepare: ofReseller('/users/new') },
  { name: 'import users', prepare: ofReseller('/users/import') },
  {
    name: 'user',
    prepare: async (api, unique) => {
      const { user } = await lived(api, unique);
      return { path: `/resellers/${unique}/users/${user}` };
    },
  },
  {
    name: 'schedules',
    prepare: async (api, unique) => {
      await lived(api, unique);
      return { path: '/schedules' };
    },
  },
  { name: 'new schedule', prepare: at('/schedules/new') },
  {
    name: 'schedule',
    prepare: async (api, unique) => ({ path: `/schedules/${(await lived(api, unique)).schedule}` }),
  },
  {
    name: 'schedule, edited',
    prepare: async (api, unique) => ({ path: `/schedules/${(await lived(api, unique)).schedule}/edit` }),
  },
  {
    name: 'run of a schedule',
    prepare: async (api, unique) => {
      const { schedule, run } = await lived(api, unique);
      return { path: `/schedules/${schedule}/runs/${run}` };
    },
  },
);
