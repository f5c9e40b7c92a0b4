import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/account',
  title: { en: 'Your account', de: 'Ihr Konto' },
  who: [...ADMINS, 'manager', 'member'],
  load: () => import('./Account.svelte'),
});
