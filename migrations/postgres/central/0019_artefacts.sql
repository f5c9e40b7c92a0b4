-- Which attempt made the snapshot that counts: its number stands in the artefact's name, from the second on. Until then every
-- attempt wrote under one name.
ALTER TABLE backups ADD COLUMN artefact BIGINT NOT NULL DEFAULT 1 CHECK (artefact >= 1);
