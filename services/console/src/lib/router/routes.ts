/** What a screen says of itself in `src/routes/<area>/route.ts`; the shell finds all of them there. */
import type { Component } from 'svelte';
import type { Word } from '$lib/i18n';

export type Who = 'owner' | 'operator' | 'auditor' | 'manager' | 'member';
export const ADMINS: Who[] = ['owner', 'operator', 'auditor'];
export const OPERATORS: Who[] = ['owner', 'operator'];

export type Group = 'daily' | 'platform' | 'access' | 'setup';

export interface Navigation {
  group: Group;
  order: number;
  icon: Component<{ size?: number | string }>;
  /** A letter: `g` and then this letter goes there. */
  key?: string;
  /** Other words for the same thing in the navigation of a tenant's people. */
  label?: Word;
}

/** A screen's component: it may do without the path's parts. */
export type ScreenComponent =
  Component<{ params: Record<string, string> }> | Component<Record<string, never>>;

export interface Route {
  /** `/resellers/:tenant`, as `regexparam` reads it. */
  path: string;
  title: Word;
  who: Who[];
  /** Fetches the screen's code; its component gets the path's parts as `params`. */
  load: () => Promise<{ default: ScreenComponent }>;
  nav?: Navigation;
  /** What the palette offers to start here: `/resellers/new`. */
  starts?: { label: Word; href: string }[];
}

/** Keeps the literal types of a route file. */
export const routes = (...all: Route[]): Route[] => all;
