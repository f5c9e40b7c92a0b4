/** What a run came to. */
import type { RunInfo } from '$lib/api';
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

const NOT_MADE = ['failed', 'cancelled', 'damaged'];

/** What is missing of a run that did not end well. Its `error` says the same in English. */
export function shortfall(run: RunInfo): string {
  const counts = Object.entries(run.backups).map(([status, count]) => ({ status, count: Number(count) }));
  const sum = (of: typeof counts): number => of.reduce((all, { count }) => all + count, 0);
  const bad = sum(counts.filter(({ status }) => NOT_MADE.includes(status)));
  return bad > 0 ? t.notMade(bad, sum(counts)) : t.notQueued;
}
