/** All screens, found in `src/routes/<area>/route.ts`, and which of them a path, and a person, may reach. */
import { parse } from 'regexparam';
import { session } from '$lib/api';
import type { Group, Navigation, Route, Who } from '$lib/router';

const found = import.meta.glob<{ default: Route[] }>('../routes/*/route.ts', { eager: true });

interface Matched {
  route: Route;
  params: Record<string, string>;
}

const patterns = Object.values(found)
  .flatMap((file) => file.default)
  .map((route) => ({ route, ...parse(route.path) }))
  // `/resellers/new` before `/resellers/:tenant`.
  .sort((a, b) => a.keys.length - b.keys.length);

export function myRole(): Who | undefined {
  return session.who?.admin_role ?? session.who?.user_role;
}

const mine = (route: Route): boolean => {
  const role = myRole();
  return role !== undefined && route.who.includes(role);
};

export function match(path: string): Matched | undefined {
  for (const { route, pattern, keys } of patterns) {
    const hit = pattern.exec(path);
    if (!hit || !mine(route)) continue;
    const params = Object.fromEntries(
      keys.map((key, index) => [key, decodeURIComponent(hit[index + 1] ?? '')]),
    );
    return { route, params };
  }
  return undefined;
}

export interface Entry {
  route: Route;
  nav: Navigation;
}

const GROUPS: Group[] = ['daily', 'platform', 'access', 'setup'];

/** The navigation of whoever is logged in, group by group. */
export function navigation(): { group: Group; entries: Entry[] }[] {
  const entries = patterns
    .map(({ route }) => route)
    .filter(mine)
    .flatMap((route) => (route.nav ? [{ route, nav: route.nav }] : []));
  return GROUPS.map((group) => ({
    group,
    entries: entries.filter((entry) => entry.nav.group === group).sort((a, b) => a.nav.order - b.nav.order),
  })).filter(({ entries: some }) => some.length > 0);
}

/** What the palette can start, of the screens this person may use. */
export const starts = (): NonNullable<Route['starts']> =>
  patterns.filter(({ route }) => mine(route)).flatMap(({ route }) => route.starts ?? []);

/** Fetches the code of each screen that this person may reach. */
export const loaders = (): Route['load'][] =>
  patterns
    .map(({ route }) => route)
    .filter(mine)
    .map(({ load }) => load);

/** Where somebody begins. */
export const home = (): string => navigation()[0]?.entries[0]?.route.path ?? '/account';
