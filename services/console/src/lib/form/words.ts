import { messages, plural } from '$lib/i18n';

export const formWords = messages(
  {
    noAnswer: 'ChiliView did not answer. What you typed is still here; try again.',
    fields: (count: number) =>
      plural(count, { one: 'One entry needs another look.', other: '# entries need another look.' }),
    conflictTitles: {
      self: 'You saved this meanwhile, in another tab or elsewhere',
      another: 'Somebody else saved this meanwhile',
      unknown: 'Somebody saved this meanwhile',
    },
    savedBy: (name: string) => `Saved by ${name}`,
    bothChanged: 'What you typed is still here. You both changed this:',
    changedTwice: 'What you typed is still here. You changed this there too:',
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
    conflictTitles: {
      self: 'Inzwischen haben Sie selbst gespeichert, in einem anderen Tab oder anderswo',
      another: 'Inzwischen hat jemand anderes gespeichert',
      unknown: 'Inzwischen hat jemand gespeichert',
    },
    savedBy: (name) => `Gespeichert von ${name}`,
    bothChanged: 'Ihre Eingaben sind noch da. Das haben Sie beide geändert:',
    changedTwice: 'Ihre Eingaben sind noch da. Das haben Sie auch dort geändert:',
    nothingClashes: 'Ihre Eingaben sind noch da, und niemand sonst hat dasselbe geändert.',
    onlyTheirs: 'Auch das wurde geändert, und es bleibt so, wenn Sie speichern:',
    theirs: 'Jetzt gespeichert',
    yours: 'Ihre Eingabe',
    keepMine: 'Meine speichern',
    saveAsWell: 'Meine ebenfalls speichern',
    takeTheirs: 'Gespeichertes übernehmen',
  },
);
