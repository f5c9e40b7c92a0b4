import KeyRound from '@lucide/svelte/icons/key-round';
import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/api-keys',
  title: { en: 'API keys', de: 'API-Schlüssel' },
  who: [...ADMINS, 'manager'],
  load: () => import('./ApiKeys.svelte'),
  nav: { group: 'access', order: 30, icon: KeyRound, key: 'k' },
});
