-- The central database: who runs the platform, which tenants it has, who is logged in, what was backed up, what was done.
-- Times are microseconds since 1970-01-01 UTC, ids are UUIDv7 as text, lists and objects are JSON as text.

CREATE TABLE admins (
    id                 TEXT COLLATE "C" PRIMARY KEY,
    username           TEXT COLLATE "C" NOT NULL,
    username_key       TEXT COLLATE "C" NOT NULL UNIQUE,
    email              TEXT COLLATE "C",
    display_name       TEXT COLLATE "C" NOT NULL,
    role               TEXT COLLATE "C" NOT NULL CHECK (role IN ('owner', 'operator', 'auditor')),
    password_hash      TEXT COLLATE "C" NOT NULL,
    credential_version BIGINT NOT NULL,
    disabled_at        BIGINT,
    last_login_at      BIGINT,
    search             TEXT COLLATE "C" NOT NULL,
    version            BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);

CREATE TABLE tenants (
    id                 TEXT COLLATE "C" PRIMARY KEY,
    slug               TEXT COLLATE "C" NOT NULL UNIQUE,
    name               TEXT COLLATE "C" NOT NULL,
    legal_name         TEXT COLLATE "C",
    contact_name       TEXT COLLATE "C",
    contact_email      TEXT COLLATE "C",
    contact_phone      TEXT COLLATE "C",
    external_reference TEXT COLLATE "C",
    language           TEXT COLLATE "C" NOT NULL,
    time_zone          TEXT COLLATE "C" NOT NULL,
    notes              TEXT COLLATE "C" NOT NULL,
    tags               TEXT COLLATE "C" NOT NULL,
    metadata           TEXT COLLATE "C" NOT NULL,
    quota_users        BIGINT,
    quota_bytes        BIGINT,
    quota_backups      BIGINT,
    status             TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'read_only', 'suspended')),
    status_reason      TEXT COLLATE "C",
    delete_protection  BIGINT NOT NULL CHECK (delete_protection IN (0, 1)),
    deleted_at         BIGINT,
    purge_after        BIGINT,
    search             TEXT COLLATE "C" NOT NULL,
    version            BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);

CREATE INDEX tenants_by_name ON tenants (name, id);
CREATE INDEX tenants_to_purge ON tenants (purge_after) WHERE deleted_at IS NOT NULL;

CREATE TABLE sessions (
    id                 TEXT COLLATE "C" PRIMARY KEY,
    token_hash         BYTEA NOT NULL UNIQUE,
    admin_id           TEXT COLLATE "C" REFERENCES admins (id) ON DELETE CASCADE,
    tenant_id          TEXT COLLATE "C" REFERENCES tenants (id) ON DELETE CASCADE,
    user_id            TEXT COLLATE "C",
    credential_version BIGINT NOT NULL,
    address            TEXT COLLATE "C" NOT NULL,
    user_agent         TEXT COLLATE "C" NOT NULL,
    created_at         BIGINT NOT NULL,
    last_seen_at       BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    CHECK ((admin_id IS NULL) = (user_id IS NOT NULL)),
    CHECK ((tenant_id IS NULL) = (user_id IS NULL))
);

CREATE INDEX sessions_by_admin ON sessions (admin_id);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Failed log-ins, by account and by address (the key says which).
CREATE TABLE login_throttle (
    subject       TEXT COLLATE "C" PRIMARY KEY,
    failures      BIGINT NOT NULL,
    started_at    BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);

CREATE INDEX login_throttle_by_start ON login_throttle (started_at);

CREATE TABLE backups (
    id                  TEXT COLLATE "C" PRIMARY KEY,
    scope               TEXT COLLATE "C" NOT NULL CHECK (scope IN ('tenant', 'central')),
    tenant_id           TEXT COLLATE "C",
    tenant_slug         TEXT COLLATE "C",
    status              TEXT COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'verifying', 'verified', 'failed', 'cancelled')),
    phase               TEXT COLLATE "C" NOT NULL,
    done_bytes          BIGINT NOT NULL,
    total_bytes         BIGINT,
    plain_bytes         BIGINT,
    stored_bytes        BIGINT,
    stored_sha256       TEXT COLLATE "C",
    manifest            TEXT COLLATE "C",
    error               TEXT COLLATE "C",
    attempt             BIGINT NOT NULL,
    requested_by        TEXT COLLATE "C" NOT NULL,
    trace_id            TEXT COLLATE "C",
    cancel_requested_at BIGINT,
    started_at          BIGINT,
    verified_at         BIGINT,
    finished_at         BIGINT,
    deleted_at          BIGINT,
    purge_after         BIGINT,
    version             BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    CHECK ((scope = 'central') = (tenant_id IS NULL)),
    CHECK (status <> 'verified' OR (verified_at IS NOT NULL AND manifest IS NOT NULL AND stored_sha256 IS NOT NULL))
);

CREATE INDEX backups_by_tenant ON backups (tenant_id, id);
CREATE INDEX backups_by_change ON backups (updated_at, id);
CREATE INDEX backups_unfinished ON backups (id) WHERE status IN ('queued', 'running', 'verifying');
CREATE INDEX backups_to_purge ON backups (purge_after) WHERE deleted_at IS NOT NULL;

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

-- One row, written by the readiness probe: whether a commit works right now.
CREATE TABLE readiness (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    checked_at BIGINT NOT NULL
);
