-- Schedules, their runs, and what is kept. `retention` is a JSON policy; a tenant's own goes before its schedules'.

ALTER TABLE tenants ADD COLUMN retention TEXT;
ALTER TABLE tenants ADD COLUMN retention_changed_at INTEGER;

CREATE TABLE schedules (
    id                   TEXT PRIMARY KEY,
    name                 TEXT NOT NULL,
    name_key             TEXT NOT NULL UNIQUE,
    action               TEXT NOT NULL CHECK (action IN ('back_up', 'prove')),
    scope                TEXT NOT NULL CHECK (scope IN ('tenant', 'tag', 'all', 'central')),
    tenant_id            TEXT,
    tag                  TEXT,
    cron                 TEXT NOT NULL,
    time_zone            TEXT NOT NULL,
    jitter_seconds       INTEGER NOT NULL CHECK (jitter_seconds >= 0),
    retention            TEXT,
    retention_changed_at INTEGER NOT NULL,
    prove_bytes          INTEGER,
    paused_at            INTEGER,
    next_at              INTEGER,
    last_due_at          INTEGER,
    version              INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    CHECK ((scope = 'tenant') = (tenant_id IS NOT NULL)),
    CHECK ((scope = 'tag') = (tag IS NOT NULL))
) STRICT;

CREATE INDEX schedules_due ON schedules (next_at) WHERE paused_at IS NULL;
CREATE INDEX schedules_by_tenant ON schedules (tenant_id) WHERE tenant_id IS NOT NULL;

-- One firing of a schedule; `due_at` tells it apart from every other, so that several workers make it once.
CREATE TABLE schedule_runs (
    id           TEXT PRIMARY KEY,
    schedule_id  TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    due_at       INTEGER NOT NULL,
    fired_by     TEXT NOT NULL CHECK (fired_by IN ('time', 'person')),
    requested_by TEXT NOT NULL,
    missed       INTEGER NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'partial', 'failed')),
    reached      TEXT,
    total        INTEGER NOT NULL,
    error        TEXT,
    started_at   INTEGER,
    finished_at  INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (schedule_id, due_at, fired_by)
) STRICT;

CREATE INDEX schedule_runs_by_schedule ON schedule_runs (schedule_id, id);
CREATE INDEX schedule_runs_open ON schedule_runs (id) WHERE status IN ('queued', 'running');

-- From the first start everything is backed up every night, and proven again week by week. Both can be changed or deleted.
INSERT INTO schedules (id, name, name_key, action, scope, cron, time_zone, jitter_seconds, retention, retention_changed_at,
    prove_bytes, version, created_at, updated_at)
VALUES ('01939c00-0000-7000-8000-000000000001', 'Every night', 'every night', 'back_up', 'all', '0 2 * * *', 'Etc/UTC', 1800,
        '{"daily":7,"weekly":4,"monthly":6}', 0, NULL, 1, 0, 0),
       ('01939c00-0000-7000-8000-000000000002', 'Prove again', 'prove again', 'prove', 'all', '0 5 * * 0', 'Etc/UTC', 0,
        NULL, 0, 10737418240, 1, 0, 0);
