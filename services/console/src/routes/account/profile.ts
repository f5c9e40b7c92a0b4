/** One's own name and address: an admin's row, or a reseller's user's. */
import { callVersioned, client, queryClient, session, type Versioned, type Whoami } from '$lib/api';

export interface Profile {
  id: string;
  updated_at: string;
  display_name: string;
  email?: string;
}

/** A type, not an interface: a form's values have an index. */
export type ProfileValues = {
  display_name: string;
  email: string;
};

export const valuesOf = ({ display_name, email }: Profile): ProfileValues => ({
  display_name,
  email: email ?? '',
});

/** Members may not read the list of users, not even themselves in it. */
export const mayRead = (who: Whoami): boolean => who.user_role !== 'member';
export const mayChange = (): boolean => session.isOwner || session.who?.user_role === 'manager';

export async function fetchProfile(who: Whoami, signal?: AbortSignal): Promise<Versioned<Profile>> {
  if (who.tenant === undefined) {
    const params = { path: { admin: who.id } };
    return callVersioned(client.GET('/api/admins/{admin}', { params, signal }));
  }
  const params = { path: { tenant: who.tenant, user: who.id } };
  return callVersioned(client.GET('/api/tenants/{tenant}/users/{user}', { params, signal }));
}

export async function changeProfile(
  who: Whoami,
  changes: Partial<ProfileValues>,
  etag: string,
): Promise<void> {
  const header = { 'If-Match': etag };
  if (who.tenant === undefined) {
    const params = { path: { admin: who.id }, header };
    const body = changes.email === undefined ? changes : { ...changes, email: changes.email.trim() || null };
    await callVersioned(client.PATCH('/api/admins/{admin}', { params, body }));
    await queryClient.invalidateQueries({ queryKey: ['admins'] });
  } else {
    const params = { path: { tenant: who.tenant, user: who.id }, header };
    await callVersioned(client.PATCH('/api/tenants/{tenant}/users/{user}', { params, body: changes }));
    await queryClient.invalidateQueries({ queryKey: ['users'] });
  }
}
