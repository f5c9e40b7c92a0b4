/** The request of an import, rehearsed or for real, and the lines of the file that a report points to. */
import { ApiProblem, call, client, queryClient, type ImportReport, type LineError } from '$lib/api';

export type OnExisting = 'error' | 'skip' | 'update';

export interface Chosen {
  name: string;
  /** Read once, so that what was looked at is what is sent. */
  bytes: Blob;
  lines: string[];
}

export async function choose(file: File): Promise<Chosen> {
  const bytes = new Blob([await file.arrayBuffer()], { type: 'text/csv' });
  return { name: file.name, bytes, lines: (await bytes.text()).split(/\r\n|\n|\r/) };
}

interface Options {
  onExisting: OnExisting;
  dryRun: boolean;
  key?: string;
}

export function sendFile(tenant: string, file: Chosen, options: Options): Promise<ImportReport> {
  return call(
    client.POST('/api/tenants/{tenant}/users/import', {
      params: {
        path: { tenant },
        query: { dry_run: options.dryRun || undefined, on_existing: options.onExisting },
        header: { 'Idempotency-Key': options.key },
      },
      headers: { 'Content-Type': 'text/csv' },
      body: file.bytes as unknown as string,
      bodySerializer: (body) => body,
    }),
  );
}

export async function importFile(
  tenant: string,
  file: Chosen,
  onExisting: OnExisting,
  key: string,
): Promise<ImportReport> {
  const report = await sendFile(tenant, file, { onExisting, dryRun: false, key });
  await queryClient.invalidateQueries({ queryKey: ['users'] });
  return report;
}

/** The lines that a refusal points to: `/lines/17/email`. */
export function linesOf(problem: ApiProblem): LineError[] {
  return problem.fields.flatMap(({ pointer, code, detail }) => {
    const [, line, column] = /^\/lines\/(\d+)(?:\/(.+))?$/.exec(pointer) ?? [];
    return line === undefined ? [] : [{ line: Number(line), column, code, detail }];
  });
}

export const COLUMNS = [
  'username',
  'email',
  'given_name',
  'family_name',
  'display_name',
  'role',
  'status',
  'password',
];

export const EXAMPLE = new Blob(
  [
    `\ufeffusername,email,given_name,family_name,role,status\r\n`,
    `anna,anna@example.com,Anna,Berg,manager,active\r\n`,
    `ben,ben@example.com,Ben,Krüger,member,active\r\n`,
  ],
  { type: 'text/csv;charset=utf-8' },
);
