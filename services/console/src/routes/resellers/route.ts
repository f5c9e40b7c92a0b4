import Building2 from '@lucide/svelte/icons/building-2';
import { ADMINS, OPERATORS, routes, type Route } from '$lib/router';

const title = { en: 'Reseller', de: 'Reseller' };
const load = () => import('./Reseller.svelte');

/** One screen, whose tabs have an address each. */
const tabs = ['', '/users', '/backups', '/schedules', '/audit', '/settings', '/danger'].map((tab): Route => ({
  path: `/resellers/:tenant${tab}`,
  title,
  who: tab === '/danger' ? OPERATORS : ADMINS,
  load,
}));

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
  ...tabs,
  {
    path: '/reseller',
    title: { en: 'My reseller', de: 'Mein Reseller' },
    who: ['manager'],
    load,
    nav: { group: 'setup', order: 5, icon: Building2, key: 'r' },
  },
  { path: '/reseller/settings', title, who: ['manager'], load },
);
