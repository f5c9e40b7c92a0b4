/** What can be asked of a schedule, and in which words it is told. */
import {
  call,
  callVersioned,
  client,
  idempotencyKey,
  queryClient,
  type RunInfo,
  type ScheduleInfo,
  type Versioned,
} from '$lib/api';
import { common, locale } from '$lib/i18n';
import { t } from './words';

const at = (id: string) => ({ path: { schedule: id }, query: { lang: locale.current } });

export const scheduleKey = (id: string) => ['schedules', id, locale.current];

export const readSchedule = (id: string): Promise<Versioned<ScheduleInfo>> =>
  callVersioned(client.GET('/api/schedules/{schedule}', { params: at(id) }));

export async function refreshSchedule(id: string): Promise<Versioned<ScheduleInfo>> {
  const read = await readSchedule(id);
  queryClient.setQueryData(scheduleKey(id), read);
  return read;
}

const listsAreOld = (): Promise<void> => queryClient.invalidateQueries({ queryKey: ['schedules'] });

async function changed<T>(pending: Promise<T>): Promise<T> {
  const answer = await pending;
  await listsAreOld();
  return answer;
}

const one = (id: string) => ({ params: { path: { schedule: id } } });
export const pause = (id: string) => changed(call(client.POST('/api/schedules/{schedule}/pause', one(id))));
export const resume = (id: string) => changed(call(client.POST('/api/schedules/{schedule}/resume', one(id))));
export const runNow = (id: string) => {
  const params = { path: { schedule: id }, header: { 'Idempotency-Key': idempotencyKey() } };
  return changed(call(client.POST('/api/schedules/{schedule}/run', { params })));
};

export async function deleteSchedule(id: string): Promise<void> {
  await call(client.DELETE('/api/schedules/{schedule}', one(id)));
  queryClient.removeQueries({ queryKey: ['schedules', id] });
  await listsAreOld();
}

/** Whose databases it is about. */
export function coverage(schedule: ScheduleInfo): string {
  if (schedule.scope === 'tenant') return schedule.tenant ?? '–';
  if (schedule.scope === 'tag') return t.withTag(schedule.tag ?? '');
  return schedule.scope === 'central' ? common.central : t.scopes.all;
}

export const runGoesOn = ({ status }: RunInfo): boolean => status === 'queued' || status === 'running';
