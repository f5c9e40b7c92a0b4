-- A restore puts a backup's database in the place of a tenant's, or makes a new tenant of it. What was there before is kept
-- until `undo_until`.

CREATE TABLE restores (
    id                  TEXT PRIMARY KEY,
    backup_id           TEXT NOT NULL,
    target              TEXT NOT NULL CHECK (target IN ('same', 'new')),
    tenant_id           TEXT NOT NULL,
    tenant_slug         TEXT NOT NULL,
    tenant_name         TEXT,
    status              TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'undone')),
    phase               TEXT NOT NULL,
    done_bytes          INTEGER NOT NULL,
    total_bytes         INTEGER,
    plan                TEXT NOT NULL,
    without_safety      INTEGER NOT NULL CHECK (without_safety IN (0, 1)),
    safety_backup_id    TEXT,
    error               TEXT,
    attempt             INTEGER NOT NULL,
    requested_by        TEXT NOT NULL,
    trace_id            TEXT,
    cancel_requested_at INTEGER,
    undo_requested_at   INTEGER,
    undo_until          INTEGER,
    started_at          INTEGER,
    finished_at         INTEGER,
    version             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT;

CREATE INDEX restores_by_tenant ON restores (tenant_id, id);
CREATE INDEX restores_by_change ON restores (updated_at, id);
-- One at a time for each tenant.
CREATE UNIQUE INDEX restores_under_way ON restores (tenant_id) WHERE status IN ('queued', 'running');
CREATE INDEX restores_to_forget ON restores (undo_until) WHERE status = 'done' AND undo_until IS NOT NULL;
