/** What each event does to the cache: a row that is there is replaced in place, lists are asked for again a little later. */
import type { QueryKey } from '@tanstack/svelte-query';
import {
  queryClient,
  type BackupInfo,
  type DoctorRunInfo,
  type FleetMigrationInfo,
  type RestoreInfo,
} from '$lib/api';

interface Row {
  id: string;
  version?: number;
}

interface Page {
  items: Row[];
}

/** The events that the service tells. */
export const told = ['backup', 'restore', 'doctor', 'fleet_migration', 'changed'] as const;

/** Any change but a backup's or a restore's. */
interface Changed {
  object_kind: string;
  object_id?: string;
  action: string;
  at: string;
  actor_name: string;
  tenant?: string;
}

export type LiveEvent =
  | { name: 'backup'; data: BackupInfo }
  | { name: 'restore'; data: RestoreInfo }
  | { name: 'doctor'; data: DoctorRunInfo }
  | { name: 'fleet_migration'; data: FleetMigrationInfo }
  | { name: 'changed'; data: Changed };

const SETTLE = 400;
/** Each of a run's backups tells of the run: of a thousand there would be no end. */
const SETTLE_RUNS = 1_000;
const waiting = new Map<string, ReturnType<typeof setTimeout>>();

/** A storm of events asks once: the first one starts the clock. */
function invalidateSoon(resource: string, settle = SETTLE): void {
  if (waiting.has(resource)) return;
  const run = (): void => {
    waiting.delete(resource);
    void queryClient.invalidateQueries({ queryKey: [resource] });
  };
  waiting.set(resource, setTimeout(run, settle));
}

const newer = (row: Row, than: Row): boolean => (row.version ?? 0) >= (than.version ?? 0);

function isPage(value: unknown): value is Page {
  return typeof value === 'object' && value !== null && Array.isArray((value as Page).items);
}

/** Puts `row` where it is shown already; answers whether any list shows it. */
function patch(resource: string, row: Row): boolean {
  let shown = false;
  const replace = (old: unknown, key: QueryKey): unknown => {
    if (isPage(old)) {
      const at = old.items.findIndex((item) => item.id === row.id);
      const current = old.items[at];
      if (current === undefined) return old;
      shown = true;
      return newer(row, current) ? { ...old, items: old.items.with(at, row) } : old;
    }
    const single = old as Row | undefined;
    return key[1] === row.id && single?.id === row.id && newer(row, single) ? row : old;
  };
  for (const [key, old] of queryClient.getQueriesData({ queryKey: [resource] })) {
    const next = replace(old, key);
    if (next !== old) queryClient.setQueryData(key, next);
  }
  return shown;
}

const SETTLED = new Set(['verified', 'unchanged', 'damaged', 'failed', 'cancelled', 'done', 'undone']);

function rowChanged(resource: string, row: Row & { status?: string }): void {
  const shown = patch(resource, row);
  // A row that no list shows may belong to one; one that has ended changes sums and orders.
  if (!shown || SETTLED.has(row.status ?? '')) invalidateSoon(resource);
  // Its job begins, goes on and ends with it.
  invalidateSoon('jobs');
  if (SETTLED.has(row.status ?? '')) {
    invalidateSoon('overview');
    invalidateSoon('notices');
    invalidateSoon('usage');
  }
}

/** `object_kind` is the resource in the singular; the cache's keys are the plural. */
const plural = (kind: string): string => `${kind.replaceAll('_', '-')}s`.replace(/([^aeiou])ys$/, '$1ies');

/** What else a change shows in, where that is not the plural of what changed. */
const ALSO: Partial<Record<string, string[]>> = {
  doctor_run: ['doctor', 'jobs'],
  fleet_migration: ['jobs'],
  schedule: ['jobs', 'retention', 'overview'],
  tenant: ['overview'],
  upload: ['backups'],
  user: ['usage'],
};

export function apply(event: LiveEvent): void {
  if (event.name === 'backup') {
    rowChanged('backups', event.data);
    if (event.data.schedule_id) invalidateSoon('schedules', SETTLE_RUNS);
  } else if (event.name === 'restore') rowChanged('restores', event.data);
  else if (event.name === 'doctor') {
    // Without its lines, so it replaces nothing.
    invalidateSoon('doctor');
    invalidateSoon('jobs');
  } else if (event.name === 'fleet_migration') {
    invalidateSoon('jobs');
    if (event.data.finished_at) invalidateSoon('notices');
  } else {
    const kind = event.data.object_kind;
    for (const resource of [plural(kind), ...(ALSO[kind] ?? [])]) invalidateSoon(resource);
    invalidateSoon('audit');
  }
}
