/** Numbers, sizes and times as the language writes them. Sizes are MiB and its like, as the service counts them. */
import { locale } from './locale.svelte';

const made = new Map<string, unknown>();
/** English as most of the world writes dates. */
const TAGS = { en: 'en-GB', de: 'de-DE' };

/** `Intl` objects are dear to make: one a language and use. */
function once<T>(key: string, make: (language: string) => T): T {
  const name = `${locale.current} ${key}`;
  if (!made.has(name)) made.set(name, make(TAGS[locale.current]));
  return made.get(name) as T;
}

export const number = (value: number, digits = 0): string =>
  once(
    `number${digits}`,
    (language) =>
      new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  ).format(value);

export const percent = (share: number, digits = 0): string =>
  once(
    `percent${digits}`,
    (language) => new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: digits }),
  ).format(share);

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1536` is `1.5 KiB`. */
export function bytes(value: number): string {
  let left = value;
  let unit = 0;
  while (left >= 1024 && unit < UNITS.length - 1) {
    left /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || left >= 100 ? 0 : 1;
  return `${number(left, digits)} ${UNITS[unit]}`;
}

export const ratio = (plain: number, stored: number): string =>
  stored > 0 ? `${number(plain / stored, 1)}×` : '–';

/** Milliseconds in words: `840 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${number(Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return once(
    'days',
    (language) => new Intl.NumberFormat(language, { style: 'unit', unit: 'day', unitDisplay: 'long' }),
  ).format(Math.round(hours / 24));
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** `3 minutes ago`, `in 2 days`; `now` within a minute. */
export function relative(at: number, now: number): string {
  const format = once('relative', (language) => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }));
  const seconds = (at - now) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(0, 'second');
}

export const absolute = (at: number): string =>
  once(
    'absolute',
    (language) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }),
  ).format(at);

/** `27 Nov 2026`, of a midnight in UTC. */
export const day = (at: number): string =>
  once(
    'day',
    (language) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }),
  ).format(at);

/** `27 Nov`, of a midnight in UTC. */
export const shortDay = (at: number): string =>
  once(
    'shortDay',
    (language) => new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', timeZone: 'UTC' }),
  ).format(at);

export const list = (words: string[]): string =>
  once('list', (language) => new Intl.ListFormat(language, { type: 'conjunction' })).format(words);

/** `Friday, 27 November`. */
export const weekday = (at: number): string =>
  once(
    'weekday',
    (language) => new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long' }),
  ).format(at);

/** An instant on the clock of an IANA zone, with its weekday; one that the browser does not know is UTC. */
export function inZone(at: number, timeZone: string): string {
  const make = (zone: string) => (language: string) =>
    new Intl.DateTimeFormat(language, {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      timeZoneName: 'short',
      timeZone: zone,
    });
  try {
    return once(`zone ${timeZone}`, make(timeZone)).format(at);
  } catch {
    return once('zone UTC', make('UTC')).format(at);
  }
}
