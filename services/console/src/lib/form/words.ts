import { messages, plural } from '$lib/i18n';

export const formWords = messages(
  {
    noAnswer: 'ChiliView did not answer. What you typed is still here; try again.',
    fields: (count: number) =>
      plural(count, { one: 'One entry needs another look.', other: '# entries need another look.' }),
    conflictTitle: 'Somebody else saved this meanwhile',
    savedBy: (name: string) => `Saved by ${name}`,
    bothChanged: 'What you typed is still here. You both changed this:',
    nothingClashes: 'What you typed is still here, and nobody else changed the same.',
    onlyTheirs: 'This was changed too, and stays so when you save:',
    theirs: 'Saved now',
    yours: 'Yours',
    keepMine: 'Save mine',
    saveAsWell: 'Save mine as well',
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
    savedBy: (name) => `Gespeichert von ${name}`,
    bothChanged: 'Ihre Eingaben sind noch da. Das haben Sie beide geändert:',
    nothingClashes: 'Ihre Eingaben sind noch da, und niemand sonst hat dasselbe geändert.',
    onlyTheirs: 'Auch das wurde geändert, und es bleibt so, wenn Sie speichern:',
    theirs: 'Jetzt gespeichert',
    yours: 'Ihre Eingabe',
    keepMine: 'Meine speichern',
    saveAsWell: 'Meine ebenfalls speichern',
    takeTheirs: 'Gespeichertes übernehmen',
  },
);
