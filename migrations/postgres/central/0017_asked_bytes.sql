-- Of a run that asks for new proofs: the bytes of those that it has asked for, so that one that was cut off goes on with the rest.
ALTER TABLE schedule_runs ADD COLUMN asked_bytes BIGINT NOT NULL DEFAULT 0;
