-- Which shelf lies at which address: the id in its marker. `marked_at` is when the marker was seen to have that id; until then
-- the shelf at the address may still be given one, from then on another one in its place is not touched.
CREATE TABLE shelves (
    address    TEXT COLLATE "C" PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL,
    marked_at  BIGINT,
    created_at BIGINT NOT NULL
);
