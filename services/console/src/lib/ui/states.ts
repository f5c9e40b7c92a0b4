/** Every state that something can be in: its word, its icon, its tone. */
import Ban from '@lucide/svelte/icons/ban';
import Check from '@lucide/svelte/icons/check';
import CircleAlert from '@lucide/svelte/icons/circle-alert';
import CircleDashed from '@lucide/svelte/icons/circle-dashed';
import CircleSlash from '@lucide/svelte/icons/circle-slash';
import Clock from '@lucide/svelte/icons/clock';
import Equal from '@lucide/svelte/icons/equal';
import Info from '@lucide/svelte/icons/info';
import LoaderCircle from '@lucide/svelte/icons/loader-circle';
import Lock from '@lucide/svelte/icons/lock';
import Pause from '@lucide/svelte/icons/pause';
import ShieldCheck from '@lucide/svelte/icons/shield-check';
import TriangleAlert from '@lucide/svelte/icons/triangle-alert';
import Undo2 from '@lucide/svelte/icons/undo-2';
import type { Component } from 'svelte';
import { word, type Word } from '$lib/i18n';

type Tone = 'ok' | 'run' | 'warn' | 'bad' | 'idle';
type Icon = Component<{ size?: number | string }>;
type Entry = [en: string, de: string, tone: Tone, icon: Icon, turns?: boolean];

const states = {
  queued: ['Queued', 'Wartet', 'idle', Clock],
  running: ['Running', 'Läuft', 'run', LoaderCircle, true],
  verifying: ['Verifying', 'Wird geprüft', 'run', LoaderCircle, true],
  verified: ['Verified', 'Geprüft', 'ok', ShieldCheck],
  unchanged: ['Unchanged', 'Unverändert', 'ok', Equal],
  damaged: ['Damaged', 'Beschädigt', 'bad', TriangleAlert],
  failed: ['Failed', 'Fehlgeschlagen', 'bad', CircleAlert],
  cancelled: ['Cancelled', 'Abgebrochen', 'idle', Ban],
  done: ['Done', 'Fertig', 'ok', Check],
  partial: ['In part', 'Teilweise', 'warn', TriangleAlert],
  undone: ['Undone', 'Rückgängig', 'idle', Undo2],
  active: ['Active', 'Aktiv', 'ok', Check],
  read_only: ['Read only', 'Nur lesen', 'warn', Lock],
  suspended: ['Suspended', 'Gesperrt', 'warn', CircleSlash],
  deleted: ['Deleted', 'Gelöscht', 'idle', Ban],
  disabled: ['Disabled', 'Deaktiviert', 'idle', CircleSlash],
  paused: ['Paused', 'Pausiert', 'idle', Pause],
  protected: ['Protected', 'Geschützt', 'ok', ShieldCheck],
  late: ['Late', 'Überfällig', 'warn', Clock],
  never: ['Never backed up', 'Nie gesichert', 'warn', CircleDashed],
  ok: ['In order', 'In Ordnung', 'ok', Check],
  degraded: ['Impaired', 'Beeinträchtigt', 'warn', TriangleAlert],
  problems: ['Problems found', 'Probleme gefunden', 'bad', TriangleAlert],
  repaired: ['Repaired', 'Repariert', 'ok', Check],
  delivered: ['Delivered', 'Zugestellt', 'ok', Check],
  success: ['Success', 'Erfolg', 'ok', Check],
  denied: ['Denied', 'Verweigert', 'warn', Lock],
  info: ['Notice', 'Hinweis', 'idle', Info],
  warning: ['Warning', 'Warnung', 'warn', TriangleAlert],
  critical: ['Critical', 'Kritisch', 'bad', CircleAlert],
  expired: ['Expired', 'Abgelaufen', 'idle', Clock],
} satisfies Record<string, Entry>;

export type StateName = keyof typeof states;

export const isState = (word: string): word is StateName => Object.hasOwn(states, word);

export interface Shown {
  word: string;
  tone: Tone;
  icon: Icon;
  turns: boolean;
}

export function stateOf(name: StateName): Shown {
  const [en, de, tone, icon, turns = false] = states[name] as Entry;
  const both: Word = { en, de };
  return { word: word(both), tone, icon, turns };
}
