/** One line of the feed, made of an event of the service. */
import type { BackupInfo, DoctorRunInfo, FleetMigrationInfo, RestoreInfo } from '$lib/api';
import type { LiveEvent } from '$lib/live';
import type { StateName } from '$lib/ui';
import { actionName, kindName, objectHref } from '../audit/actions';
import { databaseName, phaseName, underWay } from '../backups/backup';
import { roundState } from '../doctor/round';
import { t } from './words';

export type Kind = LiveEvent['name'];
export const KINDS: Kind[] = ['backup', 'restore', 'doctor', 'fleet_migration', 'changed'];

export interface Happening {
  /** Lines with the same one are the same thing going on: the later takes the place of the earlier. */
  key: string;
  kind: Kind;
  at: string;
  /** Words follow the language: they are made when they are shown. */
  title: () => string;
  detail: () => string;
  state?: StateName;
  href?: string;
}

const ofBackup = (backup: BackupInfo): Happening => ({
  key: `backup ${backup.id} ${backup.status}`,
  kind: 'backup',
  at: backup.updated_at,
  title: () => t.backupOf(databaseName(backup)),
  detail: () => (underWay(backup) ? phaseName(backup) : (backup.error ?? t.by(backup.requested_by))),
  state: backup.status,
  href: `/backups/${backup.id}`,
});

const ofRestore = (restore: RestoreInfo): Happening => ({
  key: `restore ${restore.id} ${restore.status}`,
  kind: 'restore',
  at: restore.updated_at,
  title: () => t.restoreOf(restore.tenant),
  detail: () => restore.error ?? t.by(restore.requested_by),
  state: restore.status,
  href: `/restores/${restore.id}`,
});

const ofRound = (run: DoctorRunInfo): Happening => ({
  key: `doctor ${run.id} ${run.status}`,
  kind: 'doctor',
  at: run.finished_at ?? run.started_at ?? run.created_at,
  title: () => t.doctor,
  detail: () => run.error ?? t.by(run.requested_by),
  state: roundState(run),
  href: `/doctor/${run.id}`,
});

const ofMigration = (fleet: FleetMigrationInfo): Happening => ({
  key: `fleet_migration ${fleet.id} ${fleet.status}`,
  kind: 'fleet_migration',
  at: fleet.updated_at,
  title: () => kindName('fleet_migration'),
  detail: () => fleet.error ?? t.migrated(fleet.done, fleet.total),
  state: fleet.status,
  href: '/jobs?kind=migrate_fleet',
});

export function happening(event: LiveEvent): Happening {
  if (event.name === 'backup') return ofBackup(event.data);
  if (event.name === 'restore') return ofRestore(event.data);
  if (event.name === 'doctor') return ofRound(event.data);
  if (event.name === 'fleet_migration') return ofMigration(event.data);
  const { action, at, actor_name, object_kind, object_id, tenant } = event.data;
  return {
    key: `changed ${at} ${action} ${object_id ?? ''}`,
    kind: 'changed',
    at,
    title: () => actionName(action),
    detail: () => [tenant, t.by(actor_name)].filter(Boolean).join(' · '),
    href: objectHref(object_kind, object_id),
  };
}
