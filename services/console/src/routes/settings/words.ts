import { messages } from '$lib/i18n';

export const t = messages(
  {
    title: 'Settings',
    text: 'What is in force, and where it comes from. It is changed where ChiliView is started, and read at the start.',
    name: 'Setting',
    value: 'Value',
    source: 'From',
    sources: { flag: 'Command line', environment: 'Environment', file: 'chiliview.toml', default: 'Default' },
    hidden: 'Hidden',
    unset: 'not set',
    description: 'What it decides',
    emptyTitle: 'No settings',
    emptyText: 'This installation tells none.',
  },
  {
    title: 'Einstellungen',
    text: 'Was gilt, und woher es kommt. Geändert wird es dort, wo ChiliView gestartet wird; gelesen wird es beim Start.',
    name: 'Einstellung',
    value: 'Wert',
    source: 'Aus',
    sources: { flag: 'Befehlszeile', environment: 'Umgebung', file: 'chiliview.toml', default: 'Vorgabe' },
    hidden: 'Verborgen',
    unset: 'nicht gesetzt',
    description: 'Was sie entscheidet',
    emptyTitle: 'Keine Einstellungen',
    emptyText: 'Diese Installation nennt keine.',
  },
);
