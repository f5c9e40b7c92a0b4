-- When whoever has the session last showed that he knows the password, beside the log-in that began it.
ALTER TABLE sessions ADD COLUMN confirmed_at INTEGER;
