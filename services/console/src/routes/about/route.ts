import Info from '@lucide/svelte/icons/info';
import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/about',
  title: { en: 'About', de: 'Über ChiliView' },
  who: ADMINS,
  load: () => import('./About.svelte'),
  nav: { group: 'setup', order: 30, icon: Info, key: 'v' },
});
