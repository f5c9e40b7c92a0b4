/** What a restore's row means, and what can be asked of it. */
import { call, client, queryClient, type RestoreInfo } from '$lib/api';
import { t } from './words';

export const underWay = (restore: RestoreInfo): boolean =>
  restore.status === 'queued' || restore.status === 'running';

export const phaseName = (restore: RestoreInfo): string =>
  (t.phases as Record<string, string>)[restore.phase] ?? restore.phase;

export const share = (restore: RestoreInfo): number | undefined =>
  restore.total_bytes ? restore.done_bytes / restore.total_bytes : undefined;

export const undoable = (restore: RestoreInfo, now: number): boolean =>
  restore.status === 'done' && restore.undo_until !== undefined && Date.parse(restore.undo_until) > now;

const at = (restore: RestoreInfo) => ({ path: { restore: restore.id } });

async function changed(pending: Promise<RestoreInfo>): Promise<RestoreInfo> {
  const row = await pending;
  queryClient.setQueryData(['restores', row.id], row);
  await queryClient.invalidateQueries({ queryKey: ['restores'] });
  return row;
}

export const cancelRestore = (restore: RestoreInfo) =>
  changed(call(client.POST('/api/restores/{restore}/cancel', { params: at(restore) })));

export const undoRestore = (restore: RestoreInfo, password: string) =>
  changed(call(client.POST('/api/restores/{restore}/undo', { params: at(restore), body: { password } })));
