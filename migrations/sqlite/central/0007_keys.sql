-- Keys that the platform made for itself and all its processes share: to sign links, certificates.

CREATE TABLE keys (
    name       TEXT PRIMARY KEY,
    secret     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Whom a tenant's snapshots are encrypted for, beside the platform's recipients: a JSON list.
ALTER TABLE tenants ADD COLUMN backup_recipients TEXT;
