-- What people ought to hear of (notices), where they want to hear it (channels), and each try to tell them (deliveries).

CREATE TABLE channels (
    id          TEXT COLLATE "C" PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL,
    name_key    TEXT COLLATE "C" NOT NULL UNIQUE,
    kind        TEXT COLLATE "C" NOT NULL CHECK (kind IN ('webhook', 'email', 'ping')),
    target      TEXT COLLATE "C" NOT NULL,
    secret      TEXT COLLATE "C",
    language    TEXT COLLATE "C" NOT NULL,
    kinds       TEXT COLLATE "C" NOT NULL,
    disabled_at BIGINT,
    last_at     BIGINT,
    last_error  TEXT COLLATE "C",
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE TABLE notices (
    id        TEXT COLLATE "C" PRIMARY KEY,
    kind      TEXT COLLATE "C" NOT NULL,
    severity  TEXT COLLATE "C" NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    tenant_id TEXT COLLATE "C",
    subject   TEXT COLLATE "C" NOT NULL,
    detail    TEXT COLLATE "C" NOT NULL,
    trace_id  TEXT COLLATE "C",
    at        BIGINT NOT NULL
);

CREATE INDEX notices_by_tenant ON notices (tenant_id, id);
CREATE INDEX notices_by_subject ON notices (subject, kind, id);

CREATE TABLE deliveries (
    id          TEXT COLLATE "C" PRIMARY KEY,
    channel_id  TEXT COLLATE "C" NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    notice_id   TEXT COLLATE "C" NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    status      TEXT COLLATE "C" NOT NULL CHECK (status IN ('queued', 'delivered', 'failed')),
    attempts    BIGINT NOT NULL,
    answer      BIGINT,
    excerpt     TEXT COLLATE "C",
    error       TEXT COLLATE "C",
    next_at     BIGINT,
    finished_at BIGINT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    UNIQUE (channel_id, notice_id)
);

CREATE INDEX deliveries_by_channel ON deliveries (channel_id, id);
CREATE INDEX deliveries_by_notice ON deliveries (notice_id);

-- Conditions that are told once when they begin and once when they end: a full disk, a late schedule.
CREATE TABLE conditions (
    subject  TEXT COLLATE "C" PRIMARY KEY,
    kind     TEXT COLLATE "C" NOT NULL,
    since    BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL
);
