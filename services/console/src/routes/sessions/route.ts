import MonitorSmartphone from '@lucide/svelte/icons/monitor-smartphone';
import { ADMINS, routes } from '$lib/router';

export default routes(
  {
    path: '/sessions',
    title: { en: 'Sessions', de: 'Sitzungen' },
    who: [...ADMINS, 'manager'],
    load: () => import('./Sessions.svelte'),
    nav: { group: 'access', order: 20, icon: MonitorSmartphone, key: 'i' },
  },
  {
    path: '/sessions/all',
    title: { en: 'Sessions of everybody', de: 'Sitzungen aller' },
    who: ['owner'],
    load: () => import('./Sessions.svelte'),
  },
);
