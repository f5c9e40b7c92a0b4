/** What a backup's row means: its progress, its duration, what to do when it failed; and what can be asked of it. */
import { call, client, queryClient, session, type BackupInfo } from '$lib/api';
import { common } from '$lib/i18n';
import { t } from './words';

export const UNDER_WAY: BackupInfo['status'][] = ['queued', 'running', 'verifying'];

export const underWay = (backup: BackupInfo): boolean => UNDER_WAY.includes(backup.status);

/** There is a file to download. One that is `unchanged` points to the backup that holds it. */
export const hasFile = (backup: BackupInfo): boolean =>
  backup.status === 'verified' || backup.status === 'damaged';

export const databaseName = (backup: BackupInfo): string => backup.tenant ?? common.central;

export function share(backup: BackupInfo): number | undefined {
  return backup.total_bytes ? backup.done_bytes / backup.total_bytes : undefined;
}

export function tookMilliseconds(backup: BackupInfo): number | undefined {
  if (!backup.started_at || !backup.finished_at) return undefined;
  return Date.parse(backup.finished_at) - Date.parse(backup.started_at);
}

/** Estimated from the pace so far, once there is one. */
export function leftMilliseconds(backup: BackupInfo, now: number): number | undefined {
  const done = share(backup);
  if (!backup.started_at || done === undefined || done < 0.02) return undefined;
  return ((now - Date.parse(backup.started_at)) / done) * (1 - done);
}

export function phaseName(backup: BackupInfo): string {
  if (backup.cancel_requested_at && underWay(backup)) return t.cancelling;
  return (t.phases as Record<string, string>)[backup.phase] ?? backup.phase;
}

export const contentUrl = (backup: BackupInfo): string => `/api/backups/${backup.id}/content`;

/** Auditors read everything, and take no data along. */
export const mayDownload = (): boolean => session.mayWrite;

const at = (backup: BackupInfo) => ({ params: { path: { backup: backup.id } } });

async function changed(pending: Promise<BackupInfo>): Promise<BackupInfo> {
  const row = await pending;
  queryClient.setQueryData(['backups', row.id], row);
  await queryClient.invalidateQueries({ queryKey: ['backups'] });
  return row;
}

export const cancelBackup = (backup: BackupInfo) =>
  changed(call(client.POST('/api/backups/{backup}/cancel', at(backup))));
export const proveBackup = (backup: BackupInfo) =>
  changed(call(client.POST('/api/backups/{backup}/prove', at(backup))));
export const pinBackup = (backup: BackupInfo) =>
  changed(call(client.POST('/api/backups/{backup}/pin', at(backup))));
export const unpinBackup = (backup: BackupInfo) =>
  changed(call(client.POST('/api/backups/{backup}/unpin', at(backup))));
export const undeleteBackup = (backup: BackupInfo) =>
  changed(call(client.POST('/api/backups/{backup}/undelete', at(backup))));
