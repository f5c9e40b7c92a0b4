/** One's own second factor. */
import { call, client, queryClient } from '$lib/api';

export const fetchFactor = (signal?: AbortSignal) => call(client.GET('/api/auth/totp', { signal }));

export const beginFactor = (password: string) => call(client.POST('/api/auth/totp', { body: { password } }));

async function changed<T>(pending: Promise<T>): Promise<T> {
  const answer = await pending;
  await Promise.all(
    ['totp', 'sessions', 'admins'].map((resource) => queryClient.invalidateQueries({ queryKey: [resource] })),
  );
  return answer;
}

export const confirmFactor = (code: string) =>
  changed(call(client.POST('/api/auth/totp/confirm', { body: { code } })));

export const renewCodes = (password: string, code: string) =>
  changed(call(client.POST('/api/auth/totp/recovery-codes', { body: { password, code } })));

export const removeFactor = (password: string, code: string) =>
  changed(call(client.POST('/api/auth/totp/remove', { body: { password, code } })));
