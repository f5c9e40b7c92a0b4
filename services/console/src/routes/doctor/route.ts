import Stethoscope from '@lucide/svelte/icons/stethoscope';
import { ADMINS, routes } from '$lib/router';

export default routes(
  {
    path: '/doctor',
    title: { en: 'Doctor', de: 'Diagnose' },
    who: ADMINS,
    load: () => import('./Doctor.svelte'),
    nav: { group: 'platform', order: 40, icon: Stethoscope, key: 'd' },
  },
  {
    path: '/doctor/:run',
    title: { en: 'Round of the doctor', de: 'Diagnosedurchgang' },
    who: ADMINS,
    load: () => import('./Round.svelte'),
  },
);
