-- While a row is here the database takes no writes: another is about to take its place, or it was put aside.

CREATE TABLE write_lock (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    held_for TEXT NOT NULL,
    holder   TEXT NOT NULL,
    since    INTEGER NOT NULL
) STRICT;
