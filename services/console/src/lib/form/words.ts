import { messages, plural } from '$lib/i18n';

export const formWords = messages(
  {
    noAnswer: 'ChiliView did not answer. What you typed is still here; try again.',
    fields: (count: number) =>
      plural(count, { one: 'One entry needs another look.', other: '# entries need another look.' }),
    conflictTitle: 'Somebody else saved this meanwhile',
    conflictText: 'What you typed is still here. These fields now stand differently:',
    theirs: 'Saved now',
    yours: 'Yours',
    keepMine: 'Save mine',
    takeTheirs: 'Take what is saved',
  },
  {
    noAnswer: 'ChiliView hat nicht geantwortet. Ihre Eingaben sind noch da; versuchen Sie es erneut.',
    fields: (count) =>
      plural(count, {
        one: 'Eine Angabe braucht noch einen Blick.',
        other: '# Angaben brauchen noch einen Blick.',
      }),
    conflictTitle: 'Inzwischen hat jemand anderes gespeichert',
    conflictText: 'Ihre Eingaben sind noch da. Diese Felder stehen jetzt anders:',
    theirs: 'Jetzt gespeichert',
    yours: 'Ihre Eingabe',
    keepMine: 'Meine speichern',
    takeTheirs: 'Gespeichertes übernehmen',
  },
);
