/**
 * A list of the service on the screen: what is asked for stands in the URL (`?q=…&status=…&sort=…&order=…&after=…`), so that
 * a reload, a link and the way back show the same.
 */
import { createQuery, keepPreviousData } from '@tanstack/svelte-query';
import { router } from '$lib/router';

export interface ListPage<Row> {
  items: Row[];
  next?: string;
}

export type Order = 'asc' | 'desc';

export interface ListQuery {
  q?: string;
  sort?: string;
  order?: Order;
  limit: number;
  after?: string;
  /** The filters' values by their names. */
  filters: Record<string, string | undefined>;
}

export interface ListOptions<Row> {
  /** The resource's name, the first part of the cache's key. */
  resource: string;
  /** What tells lists of the same resource apart: the reseller whose users they are, for example. */
  of?: () => string;
  load: (query: ListQuery, signal: AbortSignal) => Promise<ListPage<Row>>;
  /** The names of the filters in the URL. */
  filters?: string[];
  sort?: { by: string; order: Order };
  /** Rows a page. */
  limit?: number;
}

export const PAGE_SIZES = [25, 50, 100, 200];

export class List<Row extends { id: string }> {
  readonly options: ListOptions<Row>;
  readonly result;

  constructor(options: ListOptions<Row>) {
    this.options = options;
    this.result = createQuery(() => {
      const query = this.query;
      return {
        queryKey: [options.resource, 'list', options.of?.() ?? '', query],
        queryFn: ({ signal }: { signal: AbortSignal }) => options.load(query, signal),
        placeholderData: keepPreviousData,
      };
    });
  }

  readonly query: ListQuery = $derived.by(() => {
    const get = (key: string): string | undefined => router.query.get(key) ?? undefined;
    const limit = Number(get('limit'));
    return {
      q: get('q'),
      sort: get('sort') ?? this.options.sort?.by,
      order: (get('order') as Order | undefined) ?? this.options.sort?.order,
      limit: PAGE_SIZES.includes(limit) ? limit : (this.options.limit ?? 50),
      after: get('after'),
      filters: Object.fromEntries((this.options.filters ?? []).map((name) => [name, get(name)])),
    };
  });

  get rows(): Row[] {
    return this.result.data?.items ?? [];
  }

  /** Anything narrows the list down. */
  readonly narrowed = $derived.by(
    () => Boolean(this.query.q) || Object.values(this.query.filters).some(Boolean),
  );

  search(text: string): void {
    router.setQuery({ q: text, after: undefined }, { replace: true });
  }

  filter(name: string, value: string): void {
    router.setQuery({ [name]: value, after: undefined });
  }

  sortBy(column: string): void {
    const turned = this.query.sort === column && this.query.order !== 'desc';
    this.sort(column, turned ? 'desc' : 'asc');
  }

  sort(by: string, order: Order): void {
    router.setQuery({ sort: by, order, after: undefined });
  }

  size(rows: number): void {
    router.setQuery({ limit: String(rows), after: undefined });
  }

  clear(): void {
    const names = ['q', 'after', ...(this.options.filters ?? [])];
    router.setQuery(Object.fromEntries(names.map((name) => [name, undefined])));
  }

  /** The pages before this one, as the history entry remembers them. */
  get #trail(): string[] {
    return (router.memory.trail as string[] | undefined) ?? [];
  }

  get page(): number {
    return this.#trail.length + 1;
  }

  get hasPrevious(): boolean {
    return this.query.after !== undefined;
  }

  next(): void {
    const next = this.result.data?.next;
    if (next)
      router.setQuery({ after: next }, { memory: { trail: [...this.#trail, this.query.after ?? ''] } });
  }

  previous(): void {
    const trail = this.#trail;
    router.setQuery({ after: trail.at(-1) }, { memory: { trail: trail.slice(0, -1) } });
  }
}
