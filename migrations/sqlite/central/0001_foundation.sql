-- The central database: who runs the platform, which tenants it has, who is logged in, what was backed up, what was done.
-- Times are microseconds since 1970-01-01 UTC, ids are UUIDv7 as text, lists and objects are JSON as text.

CREATE TABLE admins (
    id                 TEXT PRIMARY KEY,
    username           TEXT NOT NULL,
    username_key       TEXT NOT NULL UNIQUE,
    email              TEXT,
    display_name       TEXT NOT NULL,
    role               TEXT NOT NULL CHECK (role IN ('owner', 'operator', 'auditor')),
    password_hash      TEXT NOT NULL,
    credential_version INTEGER NOT NULL,
    disabled_at        INTEGER,
    last_login_at      INTEGER,
    search             TEXT NOT NULL,
    version            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT;

CREATE TABLE tenants (
    id                 TEXT PRIMARY KEY,
    slug               TEXT NOT NULL UNIQUE,
    name               TEXT NOT NULL,
    legal_name         TEXT,
    contact_name       TEXT,
    contact_email      TEXT,
    contact_phone      TEXT,
    external_reference TEXT,
    language           TEXT NOT NULL,
    time_zone          TEXT NOT NULL,
    notes              TEXT NOT NULL,
    tags               TEXT NOT NULL,
    metadata           TEXT NOT NULL,
    quota_users        INTEGER,
    quota_bytes        INTEGER,
    quota_backups      INTEGER,
    status             TEXT NOT NULL CHECK (status IN ('active', 'read_only', 'suspended')),
    status_reason      TEXT,
    delete_protection  INTEGER NOT NULL CHECK (delete_protection IN (0, 1)),
    deleted_at         INTEGER,
    purge_after        INTEGER,
    search             TEXT NOT NULL,
    version            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX tenants_by_name ON tenants (name, id);
CREATE INDEX tenants_to_purge ON tenants (purge_after) WHERE deleted_at IS NOT NULL;

CREATE TABLE sessions (
    id                 TEXT PRIMARY KEY,
    token_hash         BLOB NOT NULL UNIQUE,
    admin_id           TEXT REFERENCES admins (id) ON DELETE CASCADE,
    tenant_id          TEXT REFERENCES tenants (id) ON DELETE CASCADE,
    user_id            TEXT,
    credential_version INTEGER NOT NULL,
    address            TEXT NOT NULL,
    user_agent         TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    last_seen_at       INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    CHECK ((admin_id IS NULL) = (user_id IS NOT NULL)),
    CHECK ((tenant_id IS NULL) = (user_id IS NULL))
) STRICT;

CREATE INDEX sessions_by_admin ON sessions (admin_id);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Failed log-ins, by account and by address (the key says which).
CREATE TABLE login_throttle (
    subject       TEXT PRIMARY KEY,
    failures      INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL
) STRICT;

CREATE INDEX login_throttle_by_start ON login_throttle (started_at);

CREATE TABLE backups (
    id                  TEXT PRIMARY KEY,
    scope               TEXT NOT NULL CHECK (scope IN ('tenant', 'central')),
    tenant_id           TEXT,
    tenant_slug         TEXT,
    status              TEXT NOT NULL CHECK (status IN ('queued', 'running', 'verifying', 'verified', 'failed', 'cancelled')),
    phase               TEXT NOT NULL,
    done_bytes          INTEGER NOT NULL,
    total_bytes         INTEGER,
    plain_bytes         INTEGER,
    stored_bytes        INTEGER,
    stored_sha256       TEXT,
    manifest            TEXT,
    error               TEXT,
    attempt             INTEGER NOT NULL,
    requested_by        TEXT NOT NULL,
    trace_id            TEXT,
    cancel_requested_at INTEGER,
    started_at          INTEGER,
    verified_at         INTEGER,
    finished_at         INTEGER,
    deleted_at          INTEGER,
    purge_after         INTEGER,
    version             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    CHECK ((scope = 'central') = (tenant_id IS NULL)),
    CHECK (status <> 'verified' OR (verified_at IS NOT NULL AND manifest IS NOT NULL AND stored_sha256 IS NOT NULL))
) STRICT;

CREATE INDEX backups_by_tenant ON backups (tenant_id, id);
CREATE INDEX backups_by_change ON backups (updated_at, id);
CREATE INDEX backups_unfinished ON backups (id) WHERE status IN ('queued', 'running', 'verifying');
CREATE INDEX backups_to_purge ON backups (purge_after) WHERE deleted_at IS NOT NULL;

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

-- One row, written by the readiness probe: whether a commit works right now.
CREATE TABLE readiness (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    checked_at INTEGER NOT NULL
) STRICT;
