-- Which schema each tenant's database has, and the journeys of the whole fleet to a newer one.

CREATE TABLE tenant_schemas (
    tenant_id  TEXT PRIMARY KEY,
    version    INTEGER NOT NULL,
    error      TEXT,
    checked_at INTEGER NOT NULL
) STRICT;

CREATE INDEX tenant_schemas_behind ON tenant_schemas (version, tenant_id);

CREATE TABLE fleet_migrations (
    id          TEXT PRIMARY KEY,
    to_version  INTEGER NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'partial', 'failed')),
    total       INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    reached     TEXT,
    error       TEXT,
    started_at  INTEGER,
    finished_at INTEGER,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

-- One at a time.
CREATE UNIQUE INDEX fleet_migrations_under_way ON fleet_migrations (to_version) WHERE status IN ('queued', 'running');
