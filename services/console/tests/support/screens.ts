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
