-- The pieces of an upload lie on the shelf, encrypted for a key that only this row knows. One without a key was begun by a
-- version that kept its bytes elsewhere: nothing of it is here.
ALTER TABLE uploads ADD COLUMN identity TEXT;

-- A piece that is on the shelf, durably: from first_byte on, bytes long, under uploads/<upload_id>/<object>. Each begins where
-- the one before ends.
CREATE TABLE upload_pieces (
    upload_id  TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    first_byte INTEGER NOT NULL,
    bytes      INTEGER NOT NULL CHECK (bytes > 0),
    number     INTEGER NOT NULL,
    object     TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    PRIMARY KEY (upload_id, first_byte)
) STRICT;
