import KeyRound from '@lucide/svelte/icons/key-round';
import { ADMINS, routes } from '$lib/router';

// Not /api-keys: what begins with /api is the service's own.
export default routes({
  path: '/keys',
  title: { en: 'API keys', de: 'API-Schlüssel' },
  who: [...ADMINS, 'manager'],
  load: () => import('./ApiKeys.svelte'),
  nav: { group: 'access', order: 30, icon: KeyRound, key: 'k' },
});
