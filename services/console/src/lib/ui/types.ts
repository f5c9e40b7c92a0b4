import type { Component } from 'svelte';

export type Icon = Component<{ size?: number | string }>;

/** An entry of a `Menu`. */
export interface MenuItem {
  label: string;
  icon?: Icon;
  danger?: boolean;
  disabled?: boolean;
  /** Chosen among its neighbours: a theme, a language. */
  checked?: boolean;
  href?: string;
  run?: () => void;
}

/** What a `Combobox` finds. */
export interface Choice {
  value: string;
  label: string;
  detail?: string;
}
