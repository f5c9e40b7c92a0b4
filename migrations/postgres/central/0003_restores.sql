-- A restore puts a backup's database in the place of a tenant's, or makes a new tenant of it. What was there before is kept
-- until `undo_until`.

CREATE TABLE restores (
    id                  TEXT COLLATE "C" PRIMARY KEY,
    backup_id           TEXT COLLATE "C" NOT NULL,
    target              TEXT COLLATE "C" NOT NULL CHECK (target IN ('same', 'new')),
    tenant_id           TEXT COLLATE "C" NOT NULL,
    tenant_slug         TEXT COLLATE "C" NOT NULL,
    tenant_name         TEXT COLLATE "C",
    status              TEXT COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'undone')),
    phase               TEXT COLLATE "C" NOT NULL,
    done_bytes          BIGINT NOT NULL,
    total_bytes         BIGINT,
    plan                TEXT COLLATE "C" NOT NULL,
    without_safety      BIGINT NOT NULL CHECK (without_safety IN (0, 1)),
    safety_backup_id    TEXT COLLATE "C",
    error               TEXT COLLATE "C",
    attempt             BIGINT NOT NULL,
    requested_by        TEXT COLLATE "C" NOT NULL,
    trace_id            TEXT COLLATE "C",
    cancel_requested_at BIGINT,
    undo_requested_at   BIGINT,
    undo_until          BIGINT,
    started_at          BIGINT,
    finished_at         BIGINT,
    version             BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL
);

CREATE INDEX restores_by_tenant ON restores (tenant_id, id);
CREATE INDEX restores_by_change ON restores (updated_at, id);
-- One at a time for each tenant.
CREATE UNIQUE INDEX restores_under_way ON restores (tenant_id) WHERE status IN ('queued', 'running');
CREATE INDEX restores_to_forget ON restores (undo_until) WHERE status = 'done' AND undo_until IS NOT NULL;
