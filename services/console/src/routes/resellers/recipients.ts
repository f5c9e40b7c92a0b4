import { callVersioned, client, type BackupRecipients, type Versioned } from '$lib/api';

const PATH = '/api/tenants/{tenant}/backup-recipients';

export const readRecipients = (tenant: string): Promise<Versioned<BackupRecipients>> =>
  callVersioned(client.GET(PATH, { params: { path: { tenant } } }));

export const setRecipients = (
  tenant: string,
  recipients: string[],
  etag: string,
): Promise<Versioned<BackupRecipients>> =>
  callVersioned(
    client.PUT(PATH, { params: { path: { tenant }, header: { 'If-Match': etag } }, body: { recipients } }),
  );
