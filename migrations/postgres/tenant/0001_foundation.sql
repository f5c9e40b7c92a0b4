-- One tenant's database: its users, its settings, and what was done in it.
-- Times are microseconds since 1970-01-01 UTC, ids are UUIDv7 as text, lists and objects are JSON as text.

CREATE TABLE users (
    id                 TEXT COLLATE "C" PRIMARY KEY,
    username           TEXT COLLATE "C" NOT NULL,
    username_key       TEXT COLLATE "C" NOT NULL UNIQUE,
    email              TEXT COLLATE "C" NOT NULL,
    email_key          TEXT COLLATE "C" NOT NULL UNIQUE,
    given_name         TEXT COLLATE "C",
    family_name        TEXT COLLATE "C",
    display_name       TEXT COLLATE "C" NOT NULL,
    role               TEXT COLLATE "C" NOT NULL CHECK (role IN ('manager', 'member')),
    status             TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'disabled')),
    password_hash      TEXT COLLATE "C",
    credential_version BIGINT NOT NULL,
    last_login_at      BIGINT,
    search             TEXT COLLATE "C" NOT NULL,
    version            BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);

-- Among them `tenant_id`: whose database this is, so that a file in the wrong place is noticed.
CREATE TABLE settings (
    key        TEXT COLLATE "C" PRIMARY KEY,
    value      TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Append-only and hash-chained: `hash` is the SHA-256 of the line with `previous_hash` in it.
CREATE TABLE audit_log (
    seq           BIGINT PRIMARY KEY,
    id            TEXT COLLATE "C" NOT NULL UNIQUE,
    at            BIGINT NOT NULL,
    actor_kind    TEXT COLLATE "C" NOT NULL,
    actor_id      TEXT COLLATE "C",
    actor_name    TEXT COLLATE "C" NOT NULL,
    action        TEXT COLLATE "C" NOT NULL,
    object_kind   TEXT COLLATE "C" NOT NULL,
    object_id     TEXT COLLATE "C",
    outcome       TEXT COLLATE "C" NOT NULL,
    reason        TEXT COLLATE "C",
    changes       TEXT COLLATE "C" NOT NULL,
    address       TEXT COLLATE "C",
    trace_id      TEXT COLLATE "C",
    previous_hash TEXT COLLATE "C" NOT NULL,
    hash          TEXT COLLATE "C" NOT NULL
);

CREATE INDEX audit_log_by_object ON audit_log (object_id, seq);

-- The first answer to a request that carried an Idempotency-Key, for a day.
CREATE TABLE idempotency (
    caller       TEXT COLLATE "C" NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    request_hash TEXT COLLATE "C" NOT NULL,
    status       BIGINT NOT NULL,
    location     TEXT COLLATE "C",
    body         TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);

CREATE INDEX idempotency_by_age ON idempotency (created_at);
