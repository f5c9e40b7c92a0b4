/** The platform's log, or a reseller's: the same questions at two addresses. */
import { call, client, type AuditEntry, type AuditVerification } from '$lib/api';
import type { ListPage } from '$lib/table';
import type { paths } from '$lib/api';

export type AuditQuery = NonNullable<paths['/api/audit']['get']['parameters']['query']>;

/** The instant at which a day begins here, or the one after it. */
export function dayBegins(day: string | undefined, later = 0): string | undefined {
  if (!day) return undefined;
  const at = new Date(`${day}T00:00:00`);
  if (Number.isNaN(at.getTime())) return undefined;
  at.setDate(at.getDate() + later);
  return at.toISOString();
}

export function readLog(
  tenant: string | undefined,
  query: AuditQuery,
  signal: AbortSignal,
): Promise<ListPage<AuditEntry>> {
  if (tenant === undefined) return call(client.GET('/api/audit', { params: { query }, signal }));
  const params = { path: { tenant }, query };
  return call(client.GET('/api/tenants/{tenant}/audit', { params, signal }));
}

export function verifyLog(tenant: string | undefined): Promise<AuditVerification> {
  if (tenant === undefined) return call(client.GET('/api/audit/verify'));
  return call(client.GET('/api/tenants/{tenant}/audit/verify', { params: { path: { tenant } } }));
}

/** `{"name": ["Acme", "Acme GmbH"]}`, as rows. What is not a pair is what came to be. */
export function differences(entry: AuditEntry): { field: string; before: unknown; after: unknown }[] {
  return Object.entries(entry.changes).map(([field, change]) => {
    const pair: unknown = change;
    const [before, after] =
      Array.isArray(pair) && pair.length === 2 ? (pair as unknown[]) : [undefined, pair];
    return { field, before, after };
  });
}
