-- Which shelf lies at which address: the id in its marker. `marked_at` is when the marker was seen to have that id; until then
-- the shelf at the address may still be given one, from then on another one in its place is not touched.
CREATE TABLE shelves (
    address    TEXT PRIMARY KEY,
    id         TEXT NOT NULL,
    marked_at  INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
