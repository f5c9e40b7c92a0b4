-- Those that failed are few among hundreds of thousands, and asked for often.
CREATE INDEX backups_by_status ON backups (status, id);
