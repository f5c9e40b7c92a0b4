/** What can be done with a backup, in its row and on its page. */
import Ban from '@lucide/svelte/icons/ban';
import Download from '@lucide/svelte/icons/download';
import Pin from '@lucide/svelte/icons/pin';
import PinOff from '@lucide/svelte/icons/pin-off';
import ShieldCheck from '@lucide/svelte/icons/shield-check';
import { session, type BackupInfo } from '$lib/api';
import { common } from '$lib/i18n';
import { toasts, type MenuItem } from '$lib/ui';
import {
  cancelBackup,
  contentUrl,
  hasFile,
  mayDownload,
  pinBackup,
  proveBackup,
  underWay,
  unpinBackup,
} from './backup';
import { t } from './words';

export const cancel = (backup: BackupInfo): void => void toasts.during(cancelBackup(backup), t.cancelled);

function turnPin(backup: BackupInfo): void {
  const [work, text, undo] = backup.pinned_at
    ? [unpinBackup(backup), t.unpinnedDone, () => pinBackup(backup)]
    : [pinBackup(backup), t.pinnedDone, () => unpinBackup(backup)];
  void toasts.during(work, text, { undo });
}

/** What is done with its file where it lies. */
export const fileItems = (backup: BackupInfo): MenuItem[] => [
  {
    label: t.prove,
    icon: ShieldCheck,
    run: () => void toasts.during(proveBackup(backup), t.proving),
  },
  backup.pinned_at
    ? { label: t.unpin, icon: PinOff, run: () => turnPin(backup) }
    : { label: t.pin, icon: Pin, run: () => turnPin(backup) },
];

/** In its row. */
export function menuOf(backup: BackupInfo): MenuItem[] {
  const items: MenuItem[] = [];
  if (hasFile(backup) && mayDownload())
    items.push({ label: common.download, icon: Download, href: contentUrl(backup) });
  if (!session.mayWrite) return items;
  if (underWay(backup)) {
    const disabled = backup.cancel_requested_at !== undefined;
    items.push({ label: t.cancel, icon: Ban, disabled, run: () => cancel(backup) });
  }
  if (hasFile(backup)) items.push(...fileItems(backup));
  return items;
}
