/**
 * `fetch` for the client. A request that meets an ended session waits until the person has logged in again and is sent once
 * more; one that may safely be sent twice is sent again when no answer comes. So no form loses what was typed.
 */
import { network } from './network.svelte';
import { isAway } from './presence';
import { NoAnswer } from './problem';
import { session } from './session.svelte';

const TRIES = 4;
const FIRST_PAUSE = 500;

/** RFC 9110, 9.2.2; and creations whose key makes the second one an echo of the first. */
const repeatable = (request: Request): boolean =>
  ['GET', 'HEAD'].includes(request.method) || request.headers.has('idempotency-key');

async function send(request: Request): Promise<Response> {
  const tries = repeatable(request) ? TRIES : 1;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const sent = request.clone();
      if (isAway()) sent.headers.set('x-unattended', '1');
      const response = await fetch(sent);
      network.found();
      return response;
    } catch (cause) {
      if (request.signal.aborted) throw cause;
      network.lost();
      if (attempt >= tries) throw new NoAnswer(cause);
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE * 2 ** attempt));
    }
  }
}

export async function transport(request: Request): Promise<Response> {
  const response = await send(request);
  if (response.status !== 401 || session.who === null) return response;
  await session.renewed();
  return send(request);
}
