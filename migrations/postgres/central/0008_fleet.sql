-- Which schema each tenant's database has, and the journeys of the whole fleet to a newer one.

CREATE TABLE tenant_schemas (
    tenant_id  TEXT COLLATE "C" PRIMARY KEY,
    version    BIGINT NOT NULL,
    error      TEXT COLLATE "C",
    checked_at BIGINT NOT NULL
);

CREATE INDEX tenant_schemas_behind ON tenant_schemas (version, tenant_id);

CREATE TABLE fleet_migrations (
    id          TEXT COLLATE "C" PRIMARY KEY,
    to_version  BIGINT NOT NULL,
    status      TEXT COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'done', 'partial', 'failed')),
    total       BIGINT NOT NULL,
    done        BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    reached     TEXT COLLATE "C",
    error       TEXT COLLATE "C",
    started_at  BIGINT,
    finished_at BIGINT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- One at a time.
CREATE UNIQUE INDEX fleet_migrations_under_way ON fleet_migrations (to_version) WHERE status IN ('queued', 'running');
