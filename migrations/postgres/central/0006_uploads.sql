-- A file that is being uploaded piece by piece, to become a backup of a tenant. The bytes lie in `uploads/<id>`.

CREATE TABLE uploads (
    id           TEXT COLLATE "C" PRIMARY KEY,
    tenant_id    TEXT COLLATE "C" NOT NULL,
    file_name    TEXT COLLATE "C",
    total_bytes  BIGINT NOT NULL,
    sha256       TEXT COLLATE "C",
    adopt        BIGINT NOT NULL CHECK (adopt IN (0, 1)),
    backup_id    TEXT COLLATE "C",
    requested_by TEXT COLLATE "C" NOT NULL,
    expires_at   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE INDEX uploads_by_tenant ON uploads (tenant_id, id);
CREATE INDEX uploads_by_end ON uploads (expires_at);
