-- While a row is here the database takes no writes: another is about to take its place, or it was put aside.

CREATE TABLE write_lock (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    held_for TEXT COLLATE "C" NOT NULL,
    holder   TEXT COLLATE "C" NOT NULL,
    since    BIGINT NOT NULL
);
