-- Backups learn where they come from, that they stay, when they were last proven and how, and two more ends:
-- `unchanged` (nothing to copy: the database is still what `same_as` holds) and `damaged` (proven again, and failed).
-- A verified one that is proven again is `verifying` meanwhile, its manifest in place.

ALTER TABLE backups DROP CONSTRAINT backups_status_check;
ALTER TABLE backups DROP CONSTRAINT backups_check1;
ALTER TABLE backups
    ADD COLUMN origin      TEXT COLLATE "C" NOT NULL DEFAULT 'request',
    ADD COLUMN schedule_id TEXT COLLATE "C",
    ADD COLUMN run_id      TEXT COLLATE "C",
    ADD COLUMN encrypted   BIGINT NOT NULL DEFAULT 0 CHECK (encrypted IN (0, 1)),
    ADD COLUMN same_as     TEXT COLLATE "C",
    ADD COLUMN proven_at   BIGINT,
    ADD COLUMN proof       TEXT COLLATE "C",
    ADD COLUMN pinned_at   BIGINT;
ALTER TABLE backups ALTER COLUMN origin DROP DEFAULT, ALTER COLUMN encrypted DROP DEFAULT;
UPDATE backups SET proven_at = verified_at, proof = 'quick' WHERE verified_at IS NOT NULL;
ALTER TABLE backups
    ADD CHECK (origin IN ('request', 'schedule', 'safety', 'import', 'recovered')),
    ADD CHECK (status IN ('queued', 'running', 'verifying', 'verified', 'unchanged', 'damaged', 'failed', 'cancelled')),
    ADD CHECK ((status = 'unchanged') = (same_as IS NOT NULL)),
    ADD CHECK (status NOT IN ('verified', 'damaged')
        OR (verified_at IS NOT NULL AND manifest IS NOT NULL AND stored_sha256 IS NOT NULL));

CREATE INDEX backups_by_run ON backups (run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX backups_by_proof ON backups (proven_at, id) WHERE status = 'verified' AND deleted_at IS NULL;
CREATE INDEX backups_by_artefact ON backups (same_as) WHERE same_as IS NOT NULL;
