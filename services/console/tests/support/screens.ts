/** Every screen with what it needs to have something to show. A new screen gets a line here, and with it axe, CSP and 360 px. */
import type { Page } from '@playwright/test';
import type { Api } from './api';

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

async function withBackup(api: Api, unique: string): Promise<void> {
  await api.tenant(unique, { tags: ['premium'], contact_email: 'post@example.com' });
  await api.backup(unique);
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
];
