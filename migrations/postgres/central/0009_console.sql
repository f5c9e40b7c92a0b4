-- What people look at all day: finished spans of the traces worth keeping, the doctor's runs, API keys, and the second factor.

-- `subject` is the row that the span's job is for; none for what happened in a request.
CREATE TABLE spans (
    trace_id   TEXT COLLATE "C" NOT NULL,
    span_id    TEXT COLLATE "C" NOT NULL,
    parent_id  TEXT COLLATE "C",
    subject    TEXT COLLATE "C",
    name       TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    service    TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    micros     BIGINT NOT NULL,
    status     TEXT COLLATE "C" NOT NULL CHECK (status IN ('ok', 'error', 'unset')),
    error      TEXT COLLATE "C",
    attributes TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (trace_id, span_id)
);

CREATE INDEX spans_by_start ON spans (started_at);

CREATE TABLE doctor_runs (
    id           TEXT COLLATE "C" PRIMARY KEY,
    status       TEXT COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    repair       BIGINT NOT NULL CHECK (repair IN (0, 1)),
    outcome      TEXT COLLATE "C" CHECK (outcome IN ('ok', 'problems', 'repaired')),
    checks       TEXT COLLATE "C" NOT NULL,
    error        TEXT COLLATE "C",
    attempt      BIGINT NOT NULL,
    requested_by TEXT COLLATE "C" NOT NULL,
    trace_id     TEXT COLLATE "C",
    started_at   BIGINT,
    finished_at  BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

CREATE INDEX doctor_runs_by_change ON doctor_runs (updated_at, id);

-- A key does what its maker may, and no more than its own role. One with a tenant is confined to it, as its manager is.
CREATE TABLE api_keys (
    id           TEXT COLLATE "C" PRIMARY KEY,
    token_hash   BYTEA NOT NULL UNIQUE,
    hint         TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    role         TEXT COLLATE "C" NOT NULL CHECK (role IN ('operator', 'auditor', 'manager')),
    tenant_id    TEXT COLLATE "C" REFERENCES tenants (id) ON DELETE CASCADE,
    admin_id     TEXT COLLATE "C" REFERENCES admins (id) ON DELETE CASCADE,
    user_id      TEXT COLLATE "C",
    made_by      TEXT COLLATE "C" NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    created_at   BIGINT NOT NULL,
    CHECK ((role = 'manager') = (tenant_id IS NOT NULL)),
    CHECK ((admin_id IS NULL) = (user_id IS NOT NULL)),
    CHECK (user_id IS NULL OR tenant_id IS NOT NULL)
);

CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, id);
CREATE INDEX api_keys_by_admin ON api_keys (admin_id);

-- The second factor of an admin. `secret` is sealed; `last_step` is the time step of the last code that was taken.
CREATE TABLE second_factors (
    admin_id     TEXT COLLATE "C" PRIMARY KEY REFERENCES admins (id) ON DELETE CASCADE,
    secret       BYTEA NOT NULL,
    confirmed_at BIGINT,
    last_step    BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    admin_id  TEXT COLLATE "C" NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    code_hash BYTEA NOT NULL,
    PRIMARY KEY (admin_id, code_hash)
);

CREATE INDEX backups_by_end ON backups (finished_at) WHERE finished_at IS NOT NULL;
