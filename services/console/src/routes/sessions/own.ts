/** One's own sessions. */
import { call, client, queryClient, type SessionInfo } from '$lib/api';

interface Page {
  limit?: number;
  after?: string;
  order?: 'asc' | 'desc';
}

export const ownSessions = (
  query: Page,
  signal?: AbortSignal,
): Promise<{ items: SessionInfo[]; next?: string }> =>
  call(client.GET('/api/auth/sessions', { params: { query }, signal }));

const end = (id: string): Promise<unknown> =>
  call(client.DELETE('/api/auth/sessions/{session}', { params: { path: { session: id } } }));

export async function endOwn(id: string): Promise<void> {
  await end(id);
  await queryClient.invalidateQueries({ queryKey: ['sessions'] });
}

/** All but the one that asks; answers how many they were. */
export async function endOthers(): Promise<number> {
  let count = 0;
  let after: string | undefined;
  do {
    const page = await ownSessions({ limit: 100, after });
    const others = page.items.filter(({ current }) => !current);
    await Promise.all(others.map(({ id }) => end(id)));
    count += others.length;
    after = page.next;
  } while (after !== undefined);
  await queryClient.invalidateQueries({ queryKey: ['sessions'] });
  return count;
}
