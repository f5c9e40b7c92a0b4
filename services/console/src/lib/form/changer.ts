/** Who made the version that stands there now, as the audit log tells it to those who may read it. */
import { call, client, session } from '$lib/api';

/** A row that the log tells of. */
export interface Logged {
  id: string;
  updated_at: string;
  /** The reseller in whose own log it stands; in the platform's without. */
  log?: string;
}

export interface Changer {
  name: string;
  at: string;
  /** The person who reads it: in another tab, or elsewhere. */
  self: boolean;
}

/** What is done with a row without changing it leaves lines too; of one that is used so much, nobody is named. */
const MOST_LINES = 50;

const mayRead = (log: string | undefined): boolean =>
  session.isAdmin || (log !== undefined && session.who?.user_role === 'manager');

export async function changerOf({ id, updated_at: since, log }: Logged): Promise<Changer | undefined> {
  if (!mayRead(log)) return undefined;
  const query = { object_id: id, outcome: 'success' as const, since, limit: MOST_LINES };
  const { items, next } = await call(
    log === undefined
      ? client.GET('/api/audit', { params: { query } })
      : client.GET('/api/tenants/{tenant}/audit', { params: { path: { tenant: log }, query } }),
  );
  // The newest stands first. The row and the line of its change are stamped at once, the line last.
  const line = next === undefined ? items.at(-1) : undefined;
  return line && { name: line.actor_name, at: line.at, self: line.actor_id === session.who?.id };
}
