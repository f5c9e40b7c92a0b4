import Radio from '@lucide/svelte/icons/radio';
import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/events',
  title: { en: 'Events', de: 'Ereignisse' },
  who: [...ADMINS, 'manager'],
  load: () => import('./Events.svelte'),
  nav: { group: 'platform', order: 20, icon: Radio, key: 'e' },
});
