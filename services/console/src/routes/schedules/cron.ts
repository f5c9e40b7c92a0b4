/**
 * The timings that most people want, as parts to choose from, and the five fields (minute, hour, day of month, month, day of
 * week) that say the same. What is none of them is an expression of one's own. Pure.
 */
export type Timing =
  | { kind: 'hours'; every: number; minute: number }
  | { kind: 'daily'; time: string }
  | { kind: 'weekly'; days: number[]; time: string }
  | { kind: 'monthly'; day: number; time: string }
  | { kind: 'custom'; cron: string };
export type Kind = Timing['kind'];

export const KINDS: Kind[] = ['hours', 'daily', 'weekly', 'monthly', 'custom'];
/** Steps that divide a day: another one would be uneven at midnight. */
export const STEPS = [1, 2, 3, 4, 6, 8, 12];

const NICKNAMES: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
};

const number = (text: string | undefined, most: number): number | undefined =>
  text !== undefined && /^\d{1,2}$/.test(text) && Number(text) <= most ? Number(text) : undefined;
const two = (value: number): string => String(value).padStart(2, '0');

/** `1-5`, `1,3,5` or `0`; Sunday is 0, and 7 too. */
function daysOf(text: string): number[] | undefined {
  const days: number[] = [];
  for (const part of text.split(',')) {
    const [, from, to = from] = /^([0-7])(?:-([0-7]))?$/.exec(part) ?? [];
    if (from === undefined || to === undefined || Number(to) < Number(from)) return undefined;
    for (let day = Number(from); day <= Number(to); day += 1) days.push(day % 7);
  }
  return [...new Set(days)].sort((a, b) => a - b);
}

export function parse(cron: string): Timing {
  const own: Timing = { kind: 'custom', cron };
  const plain = cron.trim().toLowerCase();
  const fields = (NICKNAMES[plain] ?? plain).split(/\s+/);
  const [minuteField, hourField, dayField, monthField, weekField] = fields;
  const minute = number(minuteField, 59);
  if (fields.length !== 5 || minute === undefined || monthField !== '*') return own;
  const everyDay = dayField === '*' && weekField === '*';
  const step = hourField === '*' ? 1 : Number(/^\*\/(\d{1,2})$/.exec(hourField ?? '')?.[1]);
  if (everyDay && STEPS.includes(step)) return { kind: 'hours', every: step, minute };
  const hour = number(hourField, 23);
  if (hour === undefined) return own;
  const time = `${two(hour)}:${two(minute)}`;
  if (everyDay) return { kind: 'daily', time };
  const days = weekField === undefined || weekField === '*' ? undefined : daysOf(weekField);
  if (dayField === '*' && days) return { kind: 'weekly', days, time };
  const day = number(dayField, 31);
  if (weekField === '*' && day) return { kind: 'monthly', day, time };
  return own;
}

export function compose(timing: Timing): string {
  if (timing.kind === 'custom') return timing.cron;
  if (timing.kind === 'hours') {
    const hours = timing.every === 1 ? '*' : `*/${timing.every}`;
    return `${timing.minute} ${hours} * * *`;
  }
  const [hour = 0, minute = 0] = timing.time.split(':').map(Number);
  const at = `${minute} ${hour}`;
  if (timing.kind === 'daily') return `${at} * * *`;
  if (timing.kind === 'weekly') return `${at} * * ${timing.days.length ? timing.days.join(',') : '*'}`;
  return `${at} ${timing.day} * *`;
}

/** Another kind, with as much of the present choice as it has a place for. */
export function turned(timing: Timing, kind: Kind): Timing {
  const time = 'time' in timing ? timing.time : '02:00';
  if (kind === 'hours') return { kind, every: 6, minute: Number(time.slice(3)) || 0 };
  if (kind === 'daily') return { kind, time };
  if (kind === 'weekly') return { kind, days: [1, 2, 3, 4, 5], time };
  if (kind === 'monthly') return { kind, day: 1, time };
  return { kind: 'custom', cron: compose(timing) };
}
