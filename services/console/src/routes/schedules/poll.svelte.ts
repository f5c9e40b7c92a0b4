/** Runs are told by no event: while one goes on, what shows it is asked for again. */
import { queryClient } from '$lib/api';

const EVERY = 2_000;

export function pollWhile(goesOn: () => boolean): void {
  $effect(() => {
    if (!goesOn()) return;
    const timer = setInterval(
      () => void queryClient.invalidateQueries({ queryKey: ['schedules'], refetchType: 'active' }),
      EVERY,
    );
    return () => clearInterval(timer);
  });
}
