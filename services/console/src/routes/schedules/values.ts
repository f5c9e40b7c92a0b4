/** A schedule as its form holds it, and as the service takes it. */
import type { NewSchedule, ScheduleInfo, SchedulePatch } from '$lib/api';
import { policyOf, rulesOf, type Rules } from '../retention/policy';

export interface ScheduleValues extends Record<string, unknown> {
  name: string;
  action: ScheduleInfo['action'];
  scope: ScheduleInfo['scope'];
  tenant: string;
  tag: string;
  cron: string;
  time_zone: string;
  jitter_minutes: number | null;
  prove_gib: number | null;
  keep: 'all' | 'rules';
  rules: Rules;
}

const GIB = 1024 ** 3;
const MINUTE = 60;

export const fresh = (tenant: string, scope: ScheduleInfo['scope']): ScheduleValues => ({
  name: '',
  action: 'back_up',
  scope,
  tenant,
  tag: '',
  cron: '0 2 * * *',
  time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  jitter_minutes: null,
  prove_gib: 10,
  keep: 'rules',
  rules: rulesOf({ daily: 7, weekly: 4, monthly: 6 }),
});

export const valuesOf = (schedule: ScheduleInfo): ScheduleValues => ({
  name: schedule.name,
  action: schedule.action,
  scope: schedule.scope,
  tenant: schedule.tenant ?? '',
  tag: schedule.tag ?? '',
  cron: schedule.cron,
  time_zone: schedule.time_zone,
  jitter_minutes: schedule.jitter_seconds ? schedule.jitter_seconds / MINUTE : null,
  prove_gib: schedule.prove_bytes === undefined ? null : schedule.prove_bytes / GIB,
  keep: schedule.retention ? 'rules' : 'all',
  rules: rulesOf(schedule.retention),
});

/** All of it, for a new one. What does not belong to the choices that were made stays out. */
export function newSchedule(values: ScheduleValues): NewSchedule {
  const proves = values.action === 'prove';
  return {
    name: values.name.trim(),
    action: values.action,
    scope: values.scope,
    tenant: values.scope === 'tenant' ? values.tenant || undefined : undefined,
    tag: values.scope === 'tag' ? values.tag.trim() || undefined : undefined,
    cron: values.cron.trim(),
    time_zone: values.time_zone,
    jitter_seconds: seconds(values),
    retention: !proves && values.keep === 'rules' ? policyOf(values.rules) : undefined,
    prove_bytes: proves ? bytes(values) : undefined,
  };
}

/** What became different. The scope goes with the reseller or tag that it is about. */
export function patchOf(changes: Partial<ScheduleValues>, values: ScheduleValues): SchedulePatch {
  const whole = newSchedule(values);
  const has = (...names: (keyof ScheduleValues)[]): boolean => names.some((name) => name in changes);
  return {
    ...(has('name') && { name: whole.name }),
    ...(has('cron') && { cron: whole.cron }),
    ...(has('time_zone') && { time_zone: whole.time_zone }),
    ...(has('jitter_minutes') && { jitter_seconds: whole.jitter_seconds }),
    ...(has('prove_gib') && { prove_bytes: whole.prove_bytes ?? null }),
    ...(has('keep', 'rules') && { retention: whole.retention ?? null }),
    ...(has('scope', 'tenant', 'tag') && {
      scope: whole.scope,
      tenant: whole.tenant ?? null,
      tag: whole.tag ?? null,
    }),
  };
}

const seconds = ({ jitter_minutes: minutes }: ScheduleValues): number => Math.round((minutes ?? 0) * MINUTE);
const bytes = ({ prove_gib: gib }: ScheduleValues): number | undefined =>
  gib === null ? undefined : Math.round(gib * GIB);
