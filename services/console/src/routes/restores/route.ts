import History from '@lucide/svelte/icons/history';
import { ADMINS, OPERATORS, routes } from '$lib/router';

export default routes(
  {
    path: '/restores',
    title: { en: 'Restores', de: 'Wiederherstellungen' },
    who: [...ADMINS, 'manager'],
    load: () => import('./Restores.svelte'),
    nav: { group: 'daily', order: 40, icon: History, key: 't' },
  },
  {
    path: '/restores/new',
    title: { en: 'Restore', de: 'Wiederherstellen' },
    who: [...OPERATORS, 'manager'],
    load: () => import('./Wizard.svelte'),
    starts: [{ label: { en: 'Restore a backup', de: 'Sicherung wiederherstellen' }, href: '/restores/new' }],
  },
  {
    path: '/restores/:restore',
    title: { en: 'Restore', de: 'Wiederherstellung' },
    who: [...ADMINS, 'manager'],
    load: () => import('./RestorePage.svelte'),
  },
);
