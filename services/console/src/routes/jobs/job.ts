/** What a job's row means: its name, what it is for and where that is shown. */
import type { JobInfo } from '$lib/api';
import { t } from './words';

export const KINDS = [
  'back_up',
  'prove',
  'import',
  'restore',
  'undo_restore',
  'forget_restored',
  'purge_tenant',
  'purge_backup',
  'run_schedule',
  'prune',
  'deliver',
  'examine',
  'migrate_fleet',
] as const;
type Kind = (typeof KINDS)[number];
type Subject = keyof typeof t.subjects;

const SUBJECTS: Record<Kind, { of: Subject; place?: string }> = {
  back_up: { of: 'backup', place: '/backups' },
  prove: { of: 'backup', place: '/backups' },
  import: { of: 'backup', place: '/backups' },
  restore: { of: 'restore', place: '/restores' },
  undo_restore: { of: 'restore', place: '/restores' },
  forget_restored: { of: 'restore', place: '/restores' },
  purge_tenant: { of: 'tenant', place: '/resellers' },
  purge_backup: { of: 'backup', place: '/backups' },
  run_schedule: { of: 'run' },
  prune: { of: 'all' },
  deliver: { of: 'delivery' },
  examine: { of: 'doctor', place: '/doctor' },
  migrate_fleet: { of: 'all' },
};

const isKind = (kind: string): kind is Kind => (KINDS as readonly string[]).includes(kind);

/** The service may know kinds that this console does not: their own name then. */
export const kindName = (kind: string): string => (isKind(kind) ? t.kinds[kind] : kind);

export function subjectOf(job: JobInfo): { name: string; href?: string } {
  const subject = isKind(job.kind) ? SUBJECTS[job.kind] : undefined;
  if (subject === undefined) return { name: job.subject ?? '' };
  const name = t.subjects[subject.of];
  return { name, href: subject.place && job.subject ? `${subject.place}/${job.subject}` : undefined };
}

export function tookMilliseconds(job: JobInfo): number | undefined {
  if (!job.started_at || !job.ended_at) return undefined;
  return Date.parse(job.ended_at) - Date.parse(job.started_at);
}
