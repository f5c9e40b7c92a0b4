-- Schedules, their runs, and what is kept. `retention` is a JSON policy; a tenant's own goes before its schedules'.

ALTER TABLE tenants ADD COLUMN retention TEXT COLLATE "C";
ALTER TABLE tenants ADD COLUMN retention_changed_at BIGINT;

CREATE TABLE schedules (
    id                   TEXT COLLATE "C" PRIMARY KEY,
    name                 TEXT COLLATE "C" NOT NULL,
    name_key             TEXT COLLATE "C" NOT NULL UNIQUE,
    action               TEXT COLLATE "C" NOT NULL CHECK (action IN ('back_up', 'prove')),
    scope                TEXT COLLATE "C" NOT NULL CHECK (scope IN ('tenant', 'tag', 'all', 'central')),
    tenant_id            TEXT COLLATE "C",
    tag                  TEXT COLLATE "C",
    cron                 TEXT COLLATE "C" NOT NULL,
    time_zone            TEXT COLLATE "C" NOT NULL,
    jitter_seconds       BIGINT NOT NULL CHECK (jitter_seconds >= 0),
    retention            TEXT COLLATE "C",
    retention_changed_at BIGINT NOT NULL,
    prove_bytes          BIGINT,
    paused_at            BIGINT,
    next_at              BIGINT,
    last_due_at          BIGINT,
    version              BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL,
    CHECK ((scope = 'tenant') = (tenant_id IS NOT NULL)),
    CHECK ((scope = 'tag') = (tag IS NOT NULL))
);

CREATE INDEX schedules_due ON schedules (next_at) WHERE paused_at IS NULL;
CREATE INDEX schedules_by_tenant ON schedules (tenant_id) WHERE tenant_id IS NOT NULL;

-- One firing of a schedule; `due_at` tells it apart from every other, so that several workers make it once.
CREATE TABLE schedule_runs (
    id           TEXT COLLATE "C" PRIMARY KEY,
    schedule_id  TEXT COLLATE "C" NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    due_at       BIGINT NOT NULL,
    fired_by     TEXT COLLATE "C" NOT NULL CHECK (fired_by IN ('time', 'person')),
    requested_by TEXT COLLATE "C" NOT NULL,
    missed       BIGINT NOT NULL,
    status       TEXT COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'done', 'partial', 'failed')),
    reached      TEXT COLLATE "C",
    total        BIGINT NOT NULL,
    error        TEXT COLLATE "C",
    started_at   BIGINT,
    finished_at  BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    UNIQUE (schedule_id, due_at, fired_by)
);

CREATE INDEX schedule_runs_by_schedule ON schedule_runs (schedule_id, id);
CREATE INDEX schedule_runs_open ON schedule_runs (id) WHERE status IN ('queued', 'running');

-- From the first start everything is backed up every night, and proven again week by week. Both can be changed or deleted.
INSERT INTO schedules (id, name, name_key, action, scope, cron, time_zone, jitter_seconds, retention, retention_changed_at,
    prove_bytes, version, created_at, updated_at)
VALUES ('01939c00-0000-7000-8000-000000000001', 'Every night', 'every night', 'back_up', 'all', '0 2 * * *', 'Etc/UTC', 1800,
        '{"daily":7,"weekly":4,"monthly":6}', 0, NULL, 1, 0, 0),
       ('01939c00-0000-7000-8000-000000000002', 'Prove again', 'prove again', 'prove', 'all', '0 5 * * 0', 'Etc/UTC', 0,
        NULL, 0, 10737418240, 1, 0, 0);
