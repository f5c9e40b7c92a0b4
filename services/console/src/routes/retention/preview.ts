/** A preview's answer, put in the order in which people read it. */
import type { KeepReason, RetentionItem } from '$lib/api';
import { format } from '$lib/i18n';
import { t } from './words';

export interface Group {
  /** The instant at which they go. */
  day: number;
  items: RetentionItem[];
  bytes: number;
}

/** The backups that go, by when: the next first. */
export function groups(items: RetentionItem[]): Group[] {
  const byDay = new Map<number, RetentionItem[]>();
  for (const item of items) {
    if (!item.goes_on) continue;
    const day = Date.parse(item.goes_on);
    byDay.set(day, [...(byDay.get(day) ?? []), item]);
  }
  return [...byDay]
    .sort(([a], [b]) => a - b)
    .map(([day, group]) => ({
      day,
      items: group,
      bytes: group.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
    }));
}

const instants = new Set(['grace', 'undo']);

export function whyWords({ reason, detail = '' }: KeepReason): string {
  const words = (t.why as Record<string, string | ((detail: string) => string)>)[reason];
  if (words === undefined) return reason;
  if (typeof words === 'string') return words;
  return words(instants.has(reason) ? format.absolute(Date.parse(detail)) : detail);
}
