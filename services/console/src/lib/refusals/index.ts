/** A refusal in the language of the console. English is the service's own; German goes by code, with English as the last resort. */
import { locale } from '$lib/i18n';
import { FIELDS, PROBLEMS, type Words } from './german';

interface Refused {
  code: string;
  /** The service's own words. */
  message: string;
}

export const refusal = (problem: Refused): string => inWords(PROBLEMS, problem.code, problem.message);

export const fieldRefusal = (field: { code: string; detail: string }): string =>
  inWords(FIELDS, field.code, field.detail);

function inWords(catalogue: Record<string, Words>, code: string, own: string): string {
  const words = locale.current === 'de' ? catalogue[code] : undefined;
  return typeof words === 'function' ? words(own) : (words ?? own);
}
