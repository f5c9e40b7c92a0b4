import { format, messages } from '$lib/i18n';

export const t = messages(
  {
    title: 'Import a backup',
    text: 'A snapshot that was downloaded, or a bare reseller.db, becomes a backup again. It is looked at as something hostile, and counts once it was proven.',
    file: 'File',
    adopt: "Take another reseller's database, or one from another installation",
    adoptHint: 'It then belongs to the reseller above.',
    start: 'Upload',
    none: 'Choose a file',
    sent: (sent: number, all: number) => `${format.bytes(sent)} of ${format.bytes(all)}`,
    uploading: 'Uploading',
    done: 'The file has arrived and is being checked',
  },
  {
    title: 'Sicherung importieren',
    text: 'Eine heruntergeladene Sicherung oder eine bloße reseller.db wird wieder zur Sicherung. Sie wird wie etwas Feindliches angesehen und zählt, sobald sie geprüft ist.',
    file: 'Datei',
    adopt: 'Die Datenbank eines anderen Resellers oder einer anderen Installation übernehmen',
    adoptHint: 'Sie gehört dann dem Reseller oben.',
    start: 'Hochladen',
    none: 'Wählen Sie eine Datei',
    sent: (sent, all) => `${format.bytes(sent)} von ${format.bytes(all)}`,
    uploading: 'Wird hochgeladen',
    done: 'Die Datei ist angekommen und wird geprüft',
  },
);
