/**
 * A run's backups are told by events, and the run with them; how it begins and how it ends is told by none. Then, and only then,
 * what shows it is asked for again.
 */
import { queryClient, type RunInfo } from '$lib/api';
import { UNDER_WAY } from '../backups/backup';
import { runGoesOn } from './schedule';

const EVERY = 2_000;

const backupsGoOn = ({ backups }: RunInfo): boolean =>
  UNDER_WAY.some((status) => Number(backups[status] ?? 0) > 0);

export function pollWhileUntold(runs: () => (RunInfo | undefined)[]): void {
  $effect(() => {
    if (!runs().some((run) => run && runGoesOn(run) && !backupsGoOn(run))) return;
    const timer = setInterval(
      () => void queryClient.invalidateQueries({ queryKey: ['schedules'], refetchType: 'active' }),
      EVERY,
    );
    return () => clearInterval(timer);
  });
}
