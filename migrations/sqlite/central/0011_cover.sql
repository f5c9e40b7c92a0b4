-- How well each database is covered asks little of each backup, and of all of them: without the manifests it is read in a
-- tenth of the time.

CREATE INDEX backups_by_cover
    ON backups (tenant_id, id, status, proof, deleted_at, verified_at, finished_at, stored_bytes);
