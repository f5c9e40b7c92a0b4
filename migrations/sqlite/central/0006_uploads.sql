-- A file that is being uploaded piece by piece, to become a backup of a tenant. The bytes lie in `uploads/<id>`.

CREATE TABLE uploads (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL,
    file_name    TEXT,
    total_bytes  INTEGER NOT NULL,
    sha256       TEXT,
    adopt        INTEGER NOT NULL CHECK (adopt IN (0, 1)),
    backup_id    TEXT,
    requested_by TEXT NOT NULL,
    expires_at   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX uploads_by_tenant ON uploads (tenant_id, id);
CREATE INDEX uploads_by_end ON uploads (expires_at);
