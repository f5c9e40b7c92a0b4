import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/traces/:trace',
  title: { en: 'Trace', de: 'Trace' },
  who: ADMINS,
  load: () => import('./TracePage.svelte'),
});
