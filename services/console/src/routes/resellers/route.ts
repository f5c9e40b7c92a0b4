import Building2 from '@lucide/svelte/icons/building-2';
import { ADMINS, OPERATORS, routes } from '$lib/router';

export default routes(
  {
    path: '/resellers',
    title: { en: 'Resellers', de: 'Reseller' },
    who: ADMINS,
    load: () => import('./Resellers.svelte'),
    nav: { group: 'daily', order: 20, icon: Building2, key: 'r' },
  },
  {
    path: '/resellers/new',
    title: { en: 'New reseller', de: 'Neuer Reseller' },
    who: OPERATORS,
    load: () => import('./NewReseller.svelte'),
    starts: [{ label: { en: 'New reseller', de: 'Neuer Reseller' }, href: '/resellers/new' }],
  },
);
