/** One's own sessions. */
import { call, client, queryClient, type SessionInfo } from '$lib/api';

export const ownSessions = (signal?: AbortSignal): Promise<{ items: SessionInfo[] }> =>
  call(client.GET('/api/auth/sessions', { signal }));

const end = (id: string): Promise<unknown> =>
  call(client.DELETE('/api/auth/sessions/{session}', { params: { path: { session: id } } }));

export async function endOwn(id: string): Promise<void> {
  await end(id);
  await queryClient.invalidateQueries({ queryKey: ['sessions'] });
}

/** All but the one that asks; answers how many they were. */
export async function endOthers(): Promise<number> {
  const others = (await ownSessions()).items.filter(({ current }) => !current);
  await Promise.all(others.map(({ id }) => end(id)));
  await queryClient.invalidateQueries({ queryKey: ['sessions'] });
  return others.length;
}
