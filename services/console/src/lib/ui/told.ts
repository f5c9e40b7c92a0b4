/** A failure in a sentence for people, whatever its kind. What is no failure of the service is a defect, and thrown on. */
import { ApiProblem, NoAnswer } from '$lib/api';
import { messages } from '$lib/i18n';
import { fieldRefusal, refusal } from '$lib/refusals';

const t = messages(
  { noAnswer: 'ChiliView did not answer. It is not known whether this was saved.' },
  { noAnswer: 'ChiliView hat nicht geantwortet. Ob dies gespeichert wurde, ist nicht bekannt.' },
);

export function told(failure: unknown): string {
  if (failure instanceof ApiProblem)
    return failure.fields[0] ? fieldRefusal(failure.fields[0]) : refusal(failure);
  if (failure instanceof NoAnswer) return t.noAnswer;
  throw failure;
}
