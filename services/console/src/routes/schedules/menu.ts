/** What can be done with a schedule, in its row and on its page. */
import Pause from '@lucide/svelte/icons/pause';
import Pencil from '@lucide/svelte/icons/pencil';
import Play from '@lucide/svelte/icons/play';
import StepForward from '@lucide/svelte/icons/step-forward';
import Trash2 from '@lucide/svelte/icons/trash-2';
import type { ScheduleInfo } from '$lib/api';
import { common } from '$lib/i18n';
import { toasts, type MenuItem } from '$lib/ui';
import { pause, resume, runNow } from './schedule';
import { t } from './words';

export const run = (schedule: ScheduleInfo): void =>
  void toasts.during(runNow(schedule.id), t.running(schedule.name), {
    href: { href: `/schedules/${schedule.id}`, label: common.show },
  });

export function turn({ id, name, paused_at: paused }: ScheduleInfo): void {
  const [work, text, undo] = paused
    ? [resume(id), t.resumedDone(name), () => pause(id)]
    : [pause(id), t.pausedDone(name), () => resume(id)];
  void toasts.during(work, text, { undo });
}

export const menuOf = (schedule: ScheduleInfo, remove: () => void): (MenuItem | 'line')[] => [
  { label: t.runNow, icon: Play, run: () => run(schedule) },
  schedule.paused_at
    ? { label: t.resume, icon: StepForward, run: () => turn(schedule) }
    : { label: t.pause, icon: Pause, run: () => turn(schedule) },
  { label: common.edit, icon: Pencil, href: `/schedules/${schedule.id}/edit` },
  'line',
  { label: t.delete, icon: Trash2, danger: true, run: remove },
];
