import ListChecks from '@lucide/svelte/icons/list-checks';
import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/jobs',
  title: { en: 'Jobs', de: 'Aufträge' },
  who: ADMINS,
  load: () => import('./Jobs.svelte'),
  nav: { group: 'platform', order: 10, icon: ListChecks, key: 'j' },
});
