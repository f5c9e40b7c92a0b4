/** A trace as a tree that reads from top to bottom. */
import type { SpanInfo } from '$lib/api';

export interface Row {
  span: SpanInfo;
  depth: number;
  /** Milliseconds after the trace's beginning. */
  from: number;
  length: number;
}

export interface Laid {
  rows: Row[];
  /** Milliseconds from the first beginning to the last end. */
  total: number;
}

/** Spans of one trace bear the clocks of several processes: what began before its parent is drawn where it says it began. */
export function lay(spans: SpanInfo[]): Laid {
  const known = new Set(spans.map((span) => span.span_id));
  const children = new Map<string, SpanInfo[]>();
  for (const span of spans) {
    const parent =
      span.parent_span_id !== undefined && known.has(span.parent_span_id) ? span.parent_span_id : '';
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const first = Math.min(...spans.map((span) => started(span)));
  const rows: Row[] = [];
  const walk = (parent: string, depth: number): void => {
    const ordered = (children.get(parent) ?? []).sort((a, b) => started(a) - started(b));
    for (const span of ordered) {
      rows.push({ span, depth, from: started(span) - first, length: span.duration_us / 1000 });
      walk(span.span_id, depth + 1);
    }
  };
  walk('', 0);
  return { rows, total: Math.max(0, ...rows.map((row) => row.from + row.length)) };
}

/** `Date` knows milliseconds only: the microseconds are read from the text. */
export function started(span: SpanInfo): number {
  const fraction = /\.(\d+)/.exec(span.started_at)?.[1] ?? '';
  const micros = Number(fraction.padEnd(6, '0').slice(3, 6));
  return Date.parse(span.started_at) + micros / 1000;
}

/** Round steps for the axis, four to eight of them. */
export function ticks(total: number): number[] {
  if (total <= 0) return [0];
  const rough = total / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const count = Math.floor(total / step);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}
