/** Why a backup or a restore did not come to a good end, in the language of the console. */
import type { Cause } from '$lib/api';
import { locale } from '$lib/i18n';
import { causeWords } from './words';

export interface Ended {
  /** A word; rows of older versions have the sentence alone. */
  cause?: Cause;
  /** The service's own sentence, in English. */
  error?: string;
}

const known = ({ cause }: Ended): Cause | undefined => (cause === 'other' ? undefined : cause);

/** In few words: the service's own sentence in English, which says more; elsewhere what its cause means. */
export function reason(row: Ended): string {
  const cause = known(row);
  return cause && locale.current !== 'en' ? causeWords.what[cause] : (row.error ?? '');
}

/** What its cause means, where the sentence alone would not say it to everybody. */
export function meaning(row: Ended): string | undefined {
  const cause = known(row);
  return cause && causeWords.what[cause];
}

export const advice = (row: Ended): string => causeWords.advice[row.cause ?? 'other'];
