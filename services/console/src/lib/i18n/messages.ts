/**
 * Typed dictionaries. Each screen keeps its words beside it, in both languages; a key that one of them lacks, or that takes
 * other arguments, does not compile. Reading a word in a template follows the language.
 */
import { locale, type Locale } from './locale.svelte';

// Arguments differ from message to message; `never` lets each have its own.
type Message = string | ((...args: never[]) => string) | { [key: string]: Message };

/** The same keys and arguments, whatever the words. */
export type SameKeys<M> = M extends string
  ? string
  : M extends (...args: infer A) => string
    ? (...args: A) => string
    : { [K in keyof M]: SameKeys<M[K]> };

export function messages<M extends Record<string, Message>>(en: M, de: SameKeys<NoInfer<M>>): SameKeys<M> {
  const both: Record<Locale, Record<string, unknown>> = { en, de };
  return new Proxy(en, { get: (_, key: string) => both[locale.current][key] }) as unknown as SameKeys<M>;
}

/** A word in both languages where a whole dictionary would be too much, in `route.ts` for example. */
export type Word = Record<Locale, string>;
export const word = (both: Word): string => both[locale.current];

type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
const rules = { en: new Intl.PluralRules('en'), de: new Intl.PluralRules('de') };

/** The form for `count`, with `#` replaced by the number in the language's own writing. */
export function plural(count: number, forms: Plural): string {
  const form = forms[rules[locale.current].select(count)] ?? forms.other;
  return form.replace('#', new Intl.NumberFormat(locale.current).format(count));
}
