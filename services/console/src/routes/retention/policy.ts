/** A retention policy as a form holds it, as the service takes it, and in words. */
import type { RetentionPolicy } from '$lib/api';
import { format } from '$lib/i18n';
import { t } from './words';

export const RULES = ['keep_last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type RuleName = (typeof RULES)[number];

/** What a person typed: nothing is no rule. */
export type Rules = Record<RuleName | 'max_age_days', number | null>;

export function rulesOf(policy: RetentionPolicy | undefined): Rules {
  const rule = (name: RuleName): number | null => policy?.[name] || null;
  return {
    keep_last: rule('keep_last'),
    hourly: rule('hourly'),
    daily: rule('daily'),
    weekly: rule('weekly'),
    monthly: rule('monthly'),
    yearly: rule('yearly'),
    max_age_days: policy?.max_age_days ?? null,
  };
}

export function policyOf(rules: Rules): RetentionPolicy {
  const kept = Object.fromEntries(RULES.map((name) => [name, rules[name] ?? 0]));
  return { ...kept, max_age_days: rules.max_age_days ?? undefined };
}

/** `7 daily, 4 weekly and 12 monthly; nothing older than 400 days`. */
export function describe(policy: RetentionPolicy | undefined): string {
  if (!policy) return t.everything;
  const parts = RULES.filter((name) => policy[name]).map((name) => t.described[name](policy[name] ?? 0));
  const kept = parts.length ? format.list(parts) : t.newestOnly;
  return policy.max_age_days ? `${kept}; ${t.noOlder(policy.max_age_days)}` : kept;
}
