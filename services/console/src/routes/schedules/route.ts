import CalendarClock from '@lucide/svelte/icons/calendar-clock';
import { ADMINS, OPERATORS, routes, type Who } from '$lib/router';

const title = { en: 'Schedules', de: 'Zeitpläne' };
const titleNew = { en: 'New schedule', de: 'Neuer Zeitplan' };
const readers: Who[] = [...ADMINS, 'manager'];
const writers: Who[] = [...OPERATORS, 'manager'];

export default routes(
  {
    path: '/schedules',
    title,
    who: readers,
    load: () => import('./Schedules.svelte'),
    nav: { group: 'daily', order: 50, icon: CalendarClock, key: 's' },
  },
  {
    path: '/schedules/new',
    title: titleNew,
    who: writers,
    load: () => import('./NewSchedule.svelte'),
    starts: [{ label: titleNew, href: '/schedules/new' }],
  },
  { path: '/schedules/:schedule', title, who: readers, load: () => import('./Schedule.svelte') },
  { path: '/schedules/:schedule/edit', title, who: writers, load: () => import('./EditSchedule.svelte') },
  { path: '/schedules/:schedule/runs/:run', title, who: readers, load: () => import('./Run.svelte') },
);
