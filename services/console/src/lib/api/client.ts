/** The typed client of `openapi/chiliview.json`, and how its answers become values or problems. */
import createClient from 'openapi-fetch';
import type { paths } from './schema';
import { ApiProblem } from './problem';
import { transport } from './transport';

export const client = createClient<paths>({ baseUrl: location.origin, fetch: transport });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or the problem thrown: `await call(client.GET('/api/backups/{backup}', …))`. */
export async function call<T>(pending: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await pending;
  if (!response.ok) throw await ApiProblem.from(response, error ?? {});
  return data as T;
}

/** A row together with the version that a later `If-Match` names. */
export interface Versioned<T> {
  row: T;
  etag: string;
}

export async function callVersioned<T>(pending: Promise<Answer<T>>): Promise<Versioned<T>> {
  const answer = await pending;
  const row = await call(Promise.resolve(answer));
  return { row, etag: answer.response.headers.get('etag') ?? '' };
}
