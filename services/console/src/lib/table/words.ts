import { messages, plural } from '$lib/i18n';
import * as format from '$lib/i18n/format';

export const tableWords = messages(
  {
    actions: 'Actions',
    clear: 'Clear filters',
    csv: 'Export CSV',
    csvCut: (rows: number) =>
      `The file holds the first ${format.number(rows)} rows. Narrow the list down for the others.`,
    exported: (rows: number) => plural(rows, { one: '# row exported', other: '# rows exported' }),
    exporting: (rows: number) => plural(rows, { one: '# row …', other: '# rows …' }),
    nothingFound: 'Nothing matches',
    nothingFoundText: 'Search for something else, or clear the filters.',
    page: (page: number) => `Page ${format.number(page)}`,
    rowsAPage: 'Rows a page',
    searchHint: 'Search ( / )',
    shown: (rows: number) => plural(rows, { one: '# row', other: '# rows' }),
    sort: 'Sorted by',
    orders: {
      asc: (title: string) => `${title}, ascending`,
      desc: (title: string) => `${title}, descending`,
    },
    sortBy: (title: string) => `Sort by ${title}`,
  },
  {
    actions: 'Aktionen',
    clear: 'Filter löschen',
    csv: 'Als CSV exportieren',
    csvCut: (rows) =>
      `Die Datei enthält die ersten ${format.number(rows)} Zeilen. Grenzen Sie die Liste für die übrigen ein.`,
    exported: (rows) => plural(rows, { one: '# Zeile exportiert', other: '# Zeilen exportiert' }),
    exporting: (rows) => plural(rows, { one: '# Zeile …', other: '# Zeilen …' }),
    nothingFound: 'Nichts passt dazu',
    nothingFoundText: 'Suchen Sie nach etwas anderem, oder löschen Sie die Filter.',
    page: (page) => `Seite ${format.number(page)}`,
    rowsAPage: 'Zeilen je Seite',
    searchHint: 'Suchen ( / )',
    shown: (rows) => plural(rows, { one: '# Zeile', other: '# Zeilen' }),
    sort: 'Sortiert nach',
    orders: {
      asc: (title) => `${title}, aufsteigend`,
      desc: (title) => `${title}, absteigend`,
    },
    sortBy: (title) => `Nach ${title} sortieren`,
  },
);
