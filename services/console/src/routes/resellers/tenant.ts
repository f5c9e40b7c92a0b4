/** A reseller as its form holds it, and the merge patch that becomes of what was changed. */
import type { TenantInfo, TenantPatch } from '$lib/api';

export interface TenantValues extends Record<string, unknown> {
  name: string;
  slug: string;
  legal_name: string;
  contact_name: string;
  contact_email: string;
  contact_phone: string;
  language: string;
  time_zone: string;
  external_reference: string;
  tags: string;
  notes: string;
  status: TenantInfo['status'];
  status_reason: string;
  quota_users: number | null;
  quota_backups: number | null;
  quota_bytes: number | null;
}

export const valuesOf = (tenant: TenantInfo): TenantValues => ({
  name: tenant.name,
  slug: tenant.slug,
  legal_name: tenant.legal_name ?? '',
  contact_name: tenant.contact_name ?? '',
  contact_email: tenant.contact_email ?? '',
  contact_phone: tenant.contact_phone ?? '',
  language: tenant.language,
  time_zone: tenant.time_zone,
  external_reference: tenant.external_reference ?? '',
  tags: tenant.tags.join(', '),
  notes: tenant.notes,
  status: tenant.status,
  status_reason: tenant.status_reason ?? '',
  quota_users: tenant.quota_users ?? null,
  quota_backups: tenant.quota_backups ?? null,
  quota_bytes: tenant.quota_bytes ?? null,
});

/** What has no value is cleared; the service says where that may not be. */
export function patchOf({ tags, notes, ...changes }: Partial<TenantValues>): TenantPatch {
  const cleared = Object.entries(changes).map(([key, value]) => {
    const text = typeof value === 'string' ? value.trim() : value;
    return [key, text === '' ? null : text];
  });
  const patch: TenantPatch = Object.fromEntries(cleared);
  if (notes !== undefined) patch.notes = notes;
  if (tags !== undefined) patch.tags = words(tags);
  return patch;
}

const words = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);

const MIB = 1024 * 1024;
export const toMiB = (bytes: number | null): number | null =>
  bytes === null ? null : Math.round((bytes / MIB) * 100) / 100;
export const fromMiB = (mib: number | null): number | null => (mib === null ? null : Math.round(mib * MIB));
