/** What a run came to, and the backups that it made. */
import { call, client, type BackupInfo, type RunInfo, type ScheduleInfo } from '$lib/api';
import { format } from '$lib/i18n';
import { stateOf, type StateName } from '$lib/ui';
import { t } from './words';

/** `3 verified · 1 unchanged`. */
export function tally(run: RunInfo): string {
  const parts = Object.entries(run.backups).map(
    ([status, count]) => `${format.number(Number(count))} ${stateOf(status as StateName).word.toLowerCase()}`,
  );
  return parts.join(' · ') || (run.total === 0 && run.finished_at ? t.nothing : format.number(run.total));
}

export function took({ started_at: began, finished_at: ended }: RunInfo): string {
  return began && ended ? format.duration(Date.parse(ended) - Date.parse(began)) : '–';
}

const PAGE = 500;
const MOST_PAGES = 6;

export interface Found {
  items: BackupInfo[];
  /** How many backups were looked at, when some of the run's may stand behind them. */
  cut?: number;
}

/** The service has no list of a run's backups: those asked for from the run on are looked through, the oldest first. */
export async function backupsOf(run: RunInfo, schedule: ScheduleInfo, signal: AbortSignal): Promise<Found> {
  const items: BackupInfo[] = [];
  const only = {
    tenant: schedule.scope === 'tenant' ? schedule.tenant_id : undefined,
    scope: schedule.scope === 'central' ? ('central' as const) : undefined,
    since: run.created_at,
  };
  let after: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const query = { ...only, after, limit: PAGE, order: 'asc' as const };
    const { items: rows, next } = await call(client.GET('/api/backups', { params: { query }, signal }));
    items.push(...rows.filter(({ run_id: id }) => id === run.id));
    if (!next || items.length >= run.total) return { items };
    after = next;
  }
  return { items, cut: MOST_PAGES * PAGE };
}
