/** What can be asked of an admin. Each change names the version it was made on. */
import {
  call,
  callVersioned,
  client,
  queryClient,
  type AdminInfo,
  type AdminPatch,
  type Versioned,
} from '$lib/api';
import { stateOf, type StateName } from '$lib/ui';

export const stateName = (admin: AdminInfo): StateName => (admin.disabled ? 'disabled' : 'active');
export const stateWord = (admin: AdminInfo): string => stateOf(stateName(admin)).word;

const at = (id: string) => ({ path: { admin: id } });

export const fetchAdmin = (id: string, signal?: AbortSignal): Promise<Versioned<AdminInfo>> =>
  callVersioned(client.GET('/api/admins/{admin}', { params: at(id), signal }));

export async function changeAdmin(
  id: string,
  body: AdminPatch,
  etag?: string,
): Promise<Versioned<AdminInfo>> {
  const params = { ...at(id), header: { 'If-Match': etag } };
  const changed = await callVersioned(client.PATCH('/api/admins/{admin}', { params, body }));
  queryClient.setQueryData(['admins', id], changed);
  await queryClient.invalidateQueries({ queryKey: ['admins', 'list'] });
  return changed;
}

export const setDisabled = (id: string, disabled: boolean): Promise<unknown> => changeAdmin(id, { disabled });

export async function deleteAdmin(id: string, etag: string): Promise<void> {
  const params = { ...at(id), header: { 'If-Match': etag } };
  await call(client.DELETE('/api/admins/{admin}', { params }));
  queryClient.removeQueries({ queryKey: ['admins', id] });
  await queryClient.invalidateQueries({ queryKey: ['admins', 'list'] });
}

export const resetPassword = (id: string, password: string): Promise<unknown> =>
  call(client.POST('/api/admins/{admin}/password', { params: at(id), body: { password } }));
