/** What a round of the doctor means, and how one is begun. */
import { call, client, isProblem, queryClient, type CheckInfo, type DoctorRunInfo } from '$lib/api';
import { router } from '$lib/router';
import { toasts, type StateName } from '$lib/ui';
import { t } from './words';

export const underWay = ({ status }: DoctorRunInfo): boolean => status === 'queued' || status === 'running';

export const roundState = ({ status, outcome }: DoctorRunInfo): StateName =>
  status === 'done' ? (outcome ?? 'done') : status;

export const modeName = ({ repair }: DoctorRunInfo): string => (repair ? t.modes.repair : t.modes.look);

export function tookMilliseconds(run: DoctorRunInfo): number | undefined {
  if (!run.started_at || !run.finished_at) return undefined;
  return Date.parse(run.finished_at) - Date.parse(run.started_at);
}

export const inOrder = ({ outcome }: CheckInfo): boolean => outcome === 'ok';

/** Words of the service that this console does not know show as they are. */
export function checkState({ outcome }: CheckInfo): { state: StateName; label?: string } {
  switch (outcome) {
    case 'ok':
    case 'warning':
    case 'repaired':
      return { state: outcome };
    case 'problem':
      return { state: 'problems', label: t.problem };
    case 'unrepairable':
      return { state: 'critical', label: t.unrepairable };
    default:
      return { state: 'info', label: outcome };
  }
}

/** Begins a round and shows it; one that is on its way already is shown instead. */
export async function begin(repair: boolean, password?: string): Promise<void> {
  try {
    const run = await call(client.POST('/api/doctor', { body: { repair, password } }));
    await queryClient.invalidateQueries({ queryKey: ['doctor'] });
    toasts.say(t.started);
    router.go(`/doctor/${run.id}`);
  } catch (failure) {
    if (!isProblem(failure, 'doctor_under_way') || repair) throw failure;
    const { items } = await call(client.GET('/api/doctor', { params: { query: { limit: 1 } } }));
    toasts.say(t.underWay);
    if (items[0]) router.go(`/doctor/${items[0].id}`);
  }
}
