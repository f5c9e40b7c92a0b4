/** The kinds of notices and how their words are found; the service may know kinds that this console does not. */
import type { NoticeKind } from '$lib/api';
import { t } from './words';

export const KINDS: NoticeKind[] = [
  'backup_failed',
  'backup_damaged',
  'backup_missed',
  'restore_failed',
  'schedule_late',
  'disk_low',
  'fleet_migration_failed',
  'backup_recovered',
  'schedule_recovered',
  'disk_recovered',
];

export const kindName = (kind: string): string => (t.kinds as Record<string, string>)[kind] ?? kind;
export const factName = (fact: string): string => (t.facts as Record<string, string>)[fact] ?? fact;

/** Where a fact or a subject leads: `backup:018f…` to its backup. */
export function factHref(fact: string, value: string): string | undefined {
  const places: Record<string, string> = { backup: '/backups/', restore: '/restores/' };
  const place = places[fact];
  return place ? `${place}${value}` : undefined;
}
