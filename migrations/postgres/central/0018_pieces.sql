-- The pieces of an upload lie on the shelf, encrypted for a key that only this row knows. One without a key was begun by a
-- version that kept its bytes elsewhere: nothing of it is here.
ALTER TABLE uploads ADD COLUMN identity TEXT COLLATE "C";

-- A piece that is on the shelf, durably: from first_byte on, bytes long, under uploads/<upload_id>/<object>. Each begins where
-- the one before ends.
CREATE TABLE upload_pieces (
    upload_id  TEXT COLLATE "C" NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    first_byte BIGINT NOT NULL,
    bytes      BIGINT NOT NULL CHECK (bytes > 0),
    number     BIGINT NOT NULL,
    object     TEXT COLLATE "C" NOT NULL,
    sha256     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (upload_id, first_byte)
);
