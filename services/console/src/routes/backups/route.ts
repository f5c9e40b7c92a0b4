import Archive from '@lucide/svelte/icons/archive';
import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/backups',
  title: { en: 'Backups', de: 'Sicherungen' },
  who: [...ADMINS, 'manager'],
  load: () => import('./Backups.svelte'),
  nav: { group: 'daily', order: 30, icon: Archive, key: 'b' },
  starts: [{ label: { en: 'New backup', de: 'Neue Sicherung' }, href: '/backups?new=1' }],
});
