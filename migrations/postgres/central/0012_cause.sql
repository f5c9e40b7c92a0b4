-- Why a backup or a restore did not come to a good end, as a word that programs go by; `error` is the sentence. Rows from before
-- have the sentence alone.
ALTER TABLE backups ADD COLUMN cause TEXT;
ALTER TABLE restores ADD COLUMN cause TEXT;
