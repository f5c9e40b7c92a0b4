import { messages } from '$lib/i18n';

export const t = messages(
  {
    title: 'About ChiliView',
    text: 'What runs here.',
    version: 'Version',
    commit: 'Commit',
    engine: 'Database',
    sqlite: 'SQLite in snapshots',
    data: 'Data directory',
    shelf: 'Snapshots lie at',
    started: 'Running since',
    process: 'Process',
    documents: 'To read',
    api: 'API documentation',
    contract: 'The contract (OpenAPI)',
    licences: 'Licences',
    own: 'ChiliView is free software under MIT or Apache-2.0, at your choice.',
    others:
      'In this console: Svelte, TanStack Query, openapi-fetch, bits-ui, uPlot, uqr, regexparam (MIT), Lucide (ISC), the Atkinson Hyperlegible fonts (SIL OFL 1.1). SQLite is in the public domain.',
  },
  {
    title: 'Über ChiliView',
    text: 'Was hier läuft.',
    version: 'Version',
    commit: 'Commit',
    engine: 'Datenbank',
    sqlite: 'SQLite in Sicherungen',
    data: 'Datenverzeichnis',
    shelf: 'Sicherungen liegen in',
    started: 'Läuft seit',
    process: 'Prozess',
    documents: 'Zum Nachlesen',
    api: 'API-Dokumentation',
    contract: 'Der Vertrag (OpenAPI)',
    licences: 'Lizenzen',
    own: 'ChiliView ist freie Software unter MIT oder Apache-2.0, nach Ihrer Wahl.',
    others:
      'In dieser Konsole: Svelte, TanStack Query, openapi-fetch, bits-ui, uPlot, uqr, regexparam (MIT), Lucide (ISC), die Schriften Atkinson Hyperlegible (SIL OFL 1.1). SQLite ist gemeinfrei.',
  },
);
