import Archive from '@lucide/svelte/icons/archive';
import { ADMINS, routes } from '$lib/router';

export default routes(
  {
    path: '/backups',
    title: { en: 'Backups', de: 'Sicherungen' },
    who: [...ADMINS, 'manager'],
    load: () => import('./Backups.svelte'),
    nav: { group: 'daily', order: 30, icon: Archive, key: 'b' },
    starts: [
      { label: { en: 'New backup', de: 'Neue Sicherung' }, href: '/backups?new=1' },
      { label: { en: 'Import a backup', de: 'Sicherung importieren' }, href: '/backups?import=1' },
    ],
  },
  {
    path: '/backups/:backup',
    title: { en: 'Backup', de: 'Sicherung' },
    who: [...ADMINS, 'manager'],
    load: () => import('./BackupPage.svelte'),
  },
);
