import Users from '@lucide/svelte/icons/users';
import { ADMINS, OPERATORS, routes } from '$lib/router';

const title = { en: 'Users', de: 'Benutzer' };
const titleNew = { en: 'New user', de: 'Neuer Benutzer' };
const titleImport = { en: 'Import users', de: 'Benutzer importieren' };

// The list of a reseller's users is a tab of the reseller.
export default routes(
  {
    path: '/users',
    title,
    who: ['manager'],
    load: () => import('./Users.svelte'),
    nav: { group: 'daily', order: 25, icon: Users, key: 'u' },
  },
  {
    path: '/users/new',
    title: titleNew,
    who: ['manager'],
    load: () => import('./NewUser.svelte'),
    starts: [{ label: titleNew, href: '/users/new' }],
  },
  {
    path: '/users/import',
    title: titleImport,
    who: ['manager'],
    load: () => import('./ImportUsers.svelte'),
    starts: [{ label: titleImport, href: '/users/import' }],
  },
  { path: '/users/:user', title, who: ['manager'], load: () => import('./User.svelte') },
  {
    path: '/resellers/:tenant/users/new',
    title: titleNew,
    who: OPERATORS,
    load: () => import('./NewUser.svelte'),
  },
  {
    path: '/resellers/:tenant/users/import',
    title: titleImport,
    who: OPERATORS,
    load: () => import('./ImportUsers.svelte'),
  },
  { path: '/resellers/:tenant/users/:user', title, who: ADMINS, load: () => import('./User.svelte') },
);
