import ScrollText from '@lucide/svelte/icons/scroll-text';
import { ADMINS, routes } from '$lib/router';

export default routes({
  path: '/audit',
  title: { en: 'Audit log', de: 'Audit-Protokoll' },
  who: [...ADMINS, 'manager'],
  load: () => import('./Audit.svelte'),
  nav: { group: 'platform', order: 30, icon: ScrollText, key: 'a' },
});
