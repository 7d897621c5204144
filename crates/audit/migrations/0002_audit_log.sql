-- The Merkle log over audit_entry: the leaf of the entry with the number id is at id - 1.

-- The hashes of the tree, 256 in a tile of 32 bytes each; the last of each level may have fewer,
-- and gains more. place is the tile's level, times 2^48, and its index.
CREATE TABLE audit_tile (
    place  INTEGER NOT NULL PRIMARY KEY,
    hashes BLOB    NOT NULL
);

CREATE TRIGGER audit_tile_only_grows BEFORE UPDATE ON audit_tile
WHEN old.place <> new.place OR substr(new.hashes, 1, length(old.hashes)) <> old.hashes
BEGIN SELECT raise(ABORT, 'tiles of the audit only grow'); END;

CREATE TRIGGER audit_tile_is_never_deleted BEFORE DELETE ON audit_tile
BEGIN SELECT raise(ABORT, 'tiles of the audit are never deleted'); END;

-- How far the log goes: one row at most. size is the number of the last entry in it, note its
-- signed checkpoint, and pruned the number up to which entries may be gone.
CREATE TABLE audit_head (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    size      INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    note      TEXT    NOT NULL,
    pruned    INTEGER NOT NULL
);

CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head
WHEN new.size < old.size OR new.pruned < old.pruned
BEGIN SELECT raise(ABORT, 'the audit never goes back'); END;

CREATE TRIGGER audit_head_is_never_deleted BEFORE DELETE ON audit_head
BEGIN SELECT raise(ABORT, 'the head of the audit is never deleted'); END;
