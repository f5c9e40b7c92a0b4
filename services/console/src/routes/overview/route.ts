import Gauge from '@lucide/svelte/icons/gauge';
import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/',
  title: { en: 'Overview', de: 'Übersicht' },
  who: [...ADMINS, 'manager'],
  load: () => import('./Overview.svelte'),
  nav: { group: 'daily', order: 10, icon: Gauge, key: 'o' },
});
