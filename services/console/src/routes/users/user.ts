/** What can be asked of a user, and what its list needs to know afterwards. */
import {
  call,
  callVersioned,
  client,
  queryClient,
  type UserInfo,
  type UserPatch,
  type Versioned,
} from '$lib/api';

const at = (tenant: string, user: string) => ({ path: { tenant, user } });

export const readUser = (tenant: string, id: string): Promise<Versioned<UserInfo>> =>
  callVersioned(client.GET('/api/tenants/{tenant}/users/{user}', { params: at(tenant, id) }));

export async function refreshUser(tenant: string, id: string): Promise<Versioned<UserInfo>> {
  const read = await readUser(tenant, id);
  queryClient.setQueryData(['users', id], read);
  return read;
}

/** Without an ETag it holds whatever the row has become: for a switch that means the same in any case. */
export async function changeUser(
  tenant: string,
  id: string,
  body: UserPatch,
  etag?: string,
): Promise<Versioned<UserInfo>> {
  const params = { ...at(tenant, id), header: { 'If-Match': etag } };
  const read = await callVersioned(client.PATCH('/api/tenants/{tenant}/users/{user}', { params, body }));
  queryClient.setQueryData(['users', id], read);
  await queryClient.invalidateQueries({ queryKey: ['users', 'list'] });
  return read;
}

export const setStatus = (tenant: string, user: UserInfo, status: UserInfo['status']) =>
  changeUser(tenant, user.id, { status });

export async function deleteUser(tenant: string, user: UserInfo): Promise<void> {
  await call(client.DELETE('/api/tenants/{tenant}/users/{user}', { params: at(tenant, user.id) }));
  queryClient.removeQueries({ queryKey: ['users', user.id] });
  await queryClient.invalidateQueries({ queryKey: ['users', 'list'] });
}

export async function resetPassword(tenant: string, user: UserInfo, password: string): Promise<void> {
  const params = at(tenant, user.id);
  await call(client.POST('/api/tenants/{tenant}/users/{user}/password', { params, body: { password } }));
  await queryClient.invalidateQueries({ queryKey: ['users'] });
}

/** Text as the service wants it: nothing typed is nothing. */
export const orNothing = (text: string): string | undefined => text.trim() || undefined;
export const orNull = (text: string): string | null => text.trim() || null;
