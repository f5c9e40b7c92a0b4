import Bell from '@lucide/svelte/icons/bell';
import { ADMINS, OPERATORS, routes } from '$lib/router';

export default routes(
  {
    path: '/notifications',
    title: { en: 'Notifications', de: 'Benachrichtigungen' },
    who: [...ADMINS, 'manager'],
    load: () => import('./Notices.svelte'),
    nav: {
      group: 'setup',
      order: 10,
      icon: Bell,
      key: 'n',
      label: { en: 'Notices', de: 'Meldungen' },
    },
  },
  {
    path: '/notifications/channels',
    title: { en: 'Channels', de: 'Kanäle' },
    who: ADMINS,
    load: () => import('./Channels.svelte'),
  },
  {
    path: '/notifications/channels/new',
    title: { en: 'New channel', de: 'Neuer Kanal' },
    who: OPERATORS,
    load: () => import('./NewChannel.svelte'),
    starts: [{ label: { en: 'New channel', de: 'Neuer Kanal' }, href: '/notifications/channels/new' }],
  },
  {
    path: '/notifications/channels/:channel',
    title: { en: 'Channel', de: 'Kanal' },
    who: ADMINS,
    load: () => import('./Channel.svelte'),
  },
  {
    path: '/notifications/channels/:channel/deliveries',
    title: { en: 'Deliveries', de: 'Zustellungen' },
    who: ADMINS,
    load: () => import('./Channel.svelte'),
  },
);
