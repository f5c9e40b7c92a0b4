-- One tenant's database: its users, its settings, and what was done in it.
-- Times are microseconds since 1970-01-01 UTC, ids are UUIDv7 as text, lists and objects are JSON as text.

CREATE TABLE users (
    id                 TEXT PRIMARY KEY,
    username           TEXT NOT NULL,
    username_key       TEXT NOT NULL UNIQUE,
    email              TEXT NOT NULL,
    email_key          TEXT NOT NULL UNIQUE,
    given_name         TEXT,
    family_name        TEXT,
    display_name       TEXT NOT NULL,
    role               TEXT NOT NULL CHECK (role IN ('manager', 'member')),
    status             TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    password_hash      TEXT,
    credential_version INTEGER NOT NULL,
    last_login_at      INTEGER,
    search             TEXT NOT NULL,
    version            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT;

-- Among them `tenant_id`: whose database this is, so that a file in the wrong place is noticed.
CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Append-only and hash-chained: `hash` is the SHA-256 of the line with `previous_hash` in it.
CREATE TABLE audit_log (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    at            INTEGER NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor_id      TEXT,
    actor_name    TEXT NOT NULL,
    action        TEXT NOT NULL,
    object_kind   TEXT NOT NULL,
    object_id     TEXT,
    outcome       TEXT NOT NULL,
    reason        TEXT,
    changes       TEXT NOT NULL,
    address       TEXT,
    trace_id      TEXT,
    previous_hash TEXT NOT NULL,
    hash          TEXT NOT NULL
) STRICT;

CREATE INDEX audit_log_by_object ON audit_log (object_id, seq);

-- The first answer to a request that carried an Idempotency-Key, for a day.
CREATE TABLE idempotency (
    caller       TEXT NOT NULL,
    key          TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status       INTEGER NOT NULL,
    location     TEXT,
    body         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT;

CREATE INDEX idempotency_by_age ON idempotency (created_at);
