import SlidersHorizontal from '@lucide/svelte/icons/sliders-horizontal';
import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/settings',
  title: { en: 'Settings', de: 'Einstellungen' },
  who: ADMINS,
  load: () => import('./Settings.svelte'),
  nav: { group: 'setup', order: 20, icon: SlidersHorizontal, key: 'c' },
});
