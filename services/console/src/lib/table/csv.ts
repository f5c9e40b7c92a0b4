/** RFC 4180, as the service writes it: UTF-8, CRLF, and no cell that a spreadsheet would run. */
import type { Column } from './columns';
import type { ListOptions, ListQuery } from './list.svelte';

/** More rows than this are the service's own exports' business. */
export const MOST_ROWS = 10_000;
const PAGE = 500;

function cell(text: string): string {
  const safe = /^[=+\-@\t\r\n']/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const line = (cells: string[]): string => `${cells.map(cell).join(',')}\r\n`;

const head = <Row>(columns: Column<Row>[]): string => line(columns.map((column) => column.title));

const linesOf = <Row>(columns: Column<Row>[], rows: Row[]): string[] =>
  rows.map((row) => line(columns.map((column) => column.text(row))));

const file = (parts: string[]): Blob => new Blob(['\ufeff', ...parts], { type: 'text/csv;charset=utf-8' });

/** Rows that are all here. */
export const csvOf = <Row>(columns: Column<Row>[], rows: Row[]): Blob =>
  file([head(columns), ...linesOf(columns, rows)]);

/** Goes through all pages of what the list shows, up to `MOST_ROWS`. `report` hears how many rows there are. */
export async function exportCsv<Row>(
  options: ListOptions<Row>,
  query: ListQuery,
  columns: Column<Row>[],
  report: (rows: number) => void,
  signal: AbortSignal,
): Promise<{ file: Blob; complete: boolean }> {
  const parts = [head(columns)];
  let after: string | undefined;
  let rows = 0;
  do {
    const page = await options.load({ ...query, limit: PAGE, after }, signal);
    parts.push(...linesOf(columns, page.items));
    rows += page.items.length;
    after = page.next;
    report(rows);
  } while (after !== undefined && rows < MOST_ROWS);
  return { file: file(parts), complete: after === undefined };
}

/** Hands a file to the browser's downloads. */
export function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
