/** Whose part of the platform a screen shows: the reseller that an admin looks into, or a manager's own; and where its parts are. */
import { call, callVersioned, client, queryClient, session, type TenantInfo, type Versioned } from '$lib/api';
import { createQuery } from '@tanstack/svelte-query';

export interface Place {
  /** The reseller's slug, or its id. */
  slug: string;
  /** It is the manager's own. */
  own: boolean;
  reseller: string;
  users: string;
  schedules: string;
}

export function placeOf(params: Record<string, string>): Place {
  const slug = params.tenant;
  if (slug === undefined) {
    return {
      slug: session.tenant ?? '',
      own: true,
      reseller: '/reseller',
      users: '/users',
      schedules: '/schedules',
    };
  }
  const reseller = `/resellers/${slug}`;
  return { slug, own: false, reseller, users: `${reseller}/users`, schedules: `${reseller}/schedules` };
}

const at = (slug: string) => ({ params: { path: { tenant: slug } } });

export const readTenant = (slug: string): Promise<Versioned<TenantInfo>> =>
  callVersioned(client.GET('/api/tenants/{tenant}', at(slug)));

export const tenantQuery = (slug: () => string) =>
  createQuery(() => ({ queryKey: ['tenants', slug()], queryFn: () => readTenant(slug()) }));

/** Asks anew, and lets all that shows the reseller know. */
export async function refreshTenant(slug: string): Promise<Versioned<TenantInfo>> {
  const read = await readTenant(slug);
  queryClient.setQueryData(['tenants', slug], read);
  return read;
}

/** Puts the answer to a change where the row is shown. */
export async function keepTenant(slug: string, read: Versioned<TenantInfo>): Promise<void> {
  queryClient.setQueryData(['tenants', slug], read);
  await queryClient.invalidateQueries({ queryKey: ['tenants', 'list'] });
}

export const undelete = async (slug: string): Promise<void> => {
  await call(client.POST('/api/tenants/{tenant}/undelete', at(slug)));
  await queryClient.invalidateQueries({ queryKey: ['tenants'] });
};
