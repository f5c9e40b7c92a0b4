-- What people look at all day: finished spans of the traces worth keeping, the doctor's runs, API keys, and the second factor.

-- `subject` is the row that the span's job is for; none for what happened in a request.
CREATE TABLE spans (
    trace_id   TEXT NOT NULL,
    span_id    TEXT NOT NULL,
    parent_id  TEXT,
    subject    TEXT,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    service    TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    micros     INTEGER NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('ok', 'error', 'unset')),
    error      TEXT,
    attributes TEXT NOT NULL,
    PRIMARY KEY (trace_id, span_id)
) STRICT;

CREATE INDEX spans_by_start ON spans (started_at);

CREATE TABLE doctor_runs (
    id           TEXT PRIMARY KEY,
    status       TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    repair       INTEGER NOT NULL CHECK (repair IN (0, 1)),
    outcome      TEXT CHECK (outcome IN ('ok', 'problems', 'repaired')),
    checks       TEXT NOT NULL,
    error        TEXT,
    attempt      INTEGER NOT NULL,
    requested_by TEXT NOT NULL,
    trace_id     TEXT,
    started_at   INTEGER,
    finished_at  INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX doctor_runs_by_change ON doctor_runs (updated_at, id);

-- A key does what its maker may, and no more than its own role. One with a tenant is confined to it, as its manager is.
CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    token_hash   BLOB NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role IN ('operator', 'auditor', 'manager')),
    tenant_id    TEXT REFERENCES tenants (id) ON DELETE CASCADE,
    admin_id     TEXT REFERENCES admins (id) ON DELETE CASCADE,
    user_id      TEXT,
    made_by      TEXT NOT NULL,
    expires_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    created_at   INTEGER NOT NULL,
    CHECK ((role = 'manager') = (tenant_id IS NOT NULL)),
    CHECK ((admin_id IS NULL) = (user_id IS NOT NULL)),
    CHECK (user_id IS NULL OR tenant_id IS NOT NULL)
) STRICT;

CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, id);
CREATE INDEX api_keys_by_admin ON api_keys (admin_id);

-- The second factor of an admin. `secret` is sealed; `last_step` is the time step of the last code that was taken.
CREATE TABLE second_factors (
    admin_id     TEXT PRIMARY KEY REFERENCES admins (id) ON DELETE CASCADE,
    secret       BLOB NOT NULL,
    confirmed_at INTEGER,
    last_step    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
    admin_id  TEXT NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    PRIMARY KEY (admin_id, code_hash)
) STRICT;

CREATE INDEX backups_by_end ON backups (finished_at) WHERE finished_at IS NOT NULL;
