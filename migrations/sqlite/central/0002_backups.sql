-- Backups learn where they come from, that they stay, when they were last proven and how, and two more ends:
-- `unchanged` (nothing to copy: the database is still what `same_as` holds) and `damaged` (proven again, and failed).
-- A verified one that is proven again is `verifying` meanwhile, its manifest in place.

CREATE TABLE backups_new (
    id                  TEXT PRIMARY KEY,
    scope               TEXT NOT NULL CHECK (scope IN ('tenant', 'central')),
    tenant_id           TEXT,
    tenant_slug         TEXT,
    origin              TEXT NOT NULL CHECK (origin IN ('request', 'schedule', 'safety', 'import', 'recovered')),
    schedule_id         TEXT,
    run_id              TEXT,
    status              TEXT NOT NULL CHECK (status IN ('queued', 'running', 'verifying', 'verified', 'unchanged', 'damaged',
                            'failed', 'cancelled')),
    phase               TEXT NOT NULL,
    done_bytes          INTEGER NOT NULL,
    total_bytes         INTEGER,
    plain_bytes         INTEGER,
    stored_bytes        INTEGER,
    stored_sha256       TEXT,
    manifest            TEXT,
    encrypted           INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
    same_as             TEXT,
    error               TEXT,
    attempt             INTEGER NOT NULL,
    requested_by        TEXT NOT NULL,
    trace_id            TEXT,
    cancel_requested_at INTEGER,
    started_at          INTEGER,
    verified_at         INTEGER,
    proven_at           INTEGER,
    proof               TEXT,
    finished_at         INTEGER,
    pinned_at           INTEGER,
    deleted_at          INTEGER,
    purge_after         INTEGER,
    version             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    CHECK ((scope = 'central') = (tenant_id IS NULL)),
    CHECK ((status = 'unchanged') = (same_as IS NOT NULL)),
    CHECK (status NOT IN ('verified', 'damaged')
        OR (verified_at IS NOT NULL AND manifest IS NOT NULL AND stored_sha256 IS NOT NULL))
) STRICT;

INSERT INTO backups_new (id, scope, tenant_id, tenant_slug, origin, status, phase, done_bytes, total_bytes, plain_bytes,
    stored_bytes, stored_sha256, manifest, encrypted, error, attempt, requested_by, trace_id, cancel_requested_at, started_at,
    verified_at, proven_at, proof, finished_at, deleted_at, purge_after, version, created_at, updated_at)
SELECT id, scope, tenant_id, tenant_slug, 'request', status, phase, done_bytes, total_bytes, plain_bytes,
    stored_bytes, stored_sha256, manifest, 0, error, attempt, requested_by, trace_id, cancel_requested_at, started_at,
    verified_at, verified_at, CASE WHEN verified_at IS NULL THEN NULL ELSE 'quick' END, finished_at, deleted_at, purge_after,
    version, created_at, updated_at
FROM backups;

DROP TABLE backups;
ALTER TABLE backups_new RENAME TO backups;

CREATE INDEX backups_by_tenant ON backups (tenant_id, id);
CREATE INDEX backups_by_change ON backups (updated_at, id);
CREATE INDEX backups_unfinished ON backups (id) WHERE status IN ('queued', 'running', 'verifying');
CREATE INDEX backups_to_purge ON backups (purge_after) WHERE deleted_at IS NOT NULL;
CREATE INDEX backups_by_run ON backups (run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX backups_by_proof ON backups (proven_at, id) WHERE status = 'verified' AND deleted_at IS NULL;
CREATE INDEX backups_by_artefact ON backups (same_as) WHERE same_as IS NOT NULL;
