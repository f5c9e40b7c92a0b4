import UserCog from '@lucide/svelte/icons/user-cog';
import { ADMINS, routes } from '$lib/router';

export default routes(
  {
    path: '/admins',
    title: { en: 'Admins', de: 'Admins' },
    who: ADMINS,
    load: () => import('./Admins.svelte'),
    nav: { group: 'access', order: 10, icon: UserCog, key: 'm' },
  },
  {
    path: '/admins/:admin',
    title: { en: 'Admin', de: 'Admin' },
    who: ADMINS,
    load: () => import('./Admin.svelte'),
  },
);
