/** A line of the doctor in the language of the console. English is the service's own; German goes by code. */
import type { CheckInfo, DoctorSentence } from '$lib/api';
import { locale } from '$lib/i18n';
import { GERMAN, type Words } from './german';

export interface Spoken {
  target?: string;
  detail: string;
  advice?: string;
}

export function spoken({ said, target, detail, advice }: CheckInfo): Spoken {
  if (locale.current !== 'de' || !said) return { target, detail, advice };
  return {
    target: (said.target && german([said.target])) ?? target,
    detail: german(said.repair ? [said.found, said.repair] : [said.found]) ?? detail,
    advice: said.advice.length > 0 ? (german(said.advice, ' Oder von Hand: ') ?? advice) : advice,
  };
}

/** Nothing when the service is newer than this page, and says what the page has no words for. */
function german(sentences: DoctorSentence[], between = ' '): string | undefined {
  const known = sentences.map(({ code, params }) => {
    const words: Words | undefined = GERMAN[code];
    return typeof words === 'function' ? words(params) : words;
  });
  return known.every((words) => words !== undefined) ? known.join(between) : undefined;
}
