-- What people ought to hear of (notices), where they want to hear it (channels), and each try to tell them (deliveries).

CREATE TABLE channels (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL CHECK (kind IN ('webhook', 'email', 'ping')),
    target      TEXT NOT NULL,
    secret      TEXT,
    language    TEXT NOT NULL,
    kinds       TEXT NOT NULL,
    disabled_at INTEGER,
    last_at     INTEGER,
    last_error  TEXT,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE notices (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,
    severity  TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    tenant_id TEXT,
    subject   TEXT NOT NULL,
    detail    TEXT NOT NULL,
    trace_id  TEXT,
    at        INTEGER NOT NULL
) STRICT;

CREATE INDEX notices_by_tenant ON notices (tenant_id, id);
CREATE INDEX notices_by_subject ON notices (subject, kind, id);

CREATE TABLE deliveries (
    id          TEXT PRIMARY KEY,
    channel_id  TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    notice_id   TEXT NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    status      TEXT NOT NULL CHECK (status IN ('queued', 'delivered', 'failed')),
    attempts    INTEGER NOT NULL,
    answer      INTEGER,
    excerpt     TEXT,
    error       TEXT,
    next_at     INTEGER,
    finished_at INTEGER,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    UNIQUE (channel_id, notice_id)
) STRICT;

CREATE INDEX deliveries_by_channel ON deliveries (channel_id, id);
CREATE INDEX deliveries_by_notice ON deliveries (notice_id);

-- Conditions that are told once when they begin and once when they end: a full disk, a late schedule.
CREATE TABLE conditions (
    subject  TEXT PRIMARY KEY,
    kind     TEXT NOT NULL,
    since    INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL
) STRICT;
