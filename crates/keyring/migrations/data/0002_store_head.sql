-- One row: how far this store has come. A server that has committed something raises sequence
-- within a second, and gives it another random mark. Both are also written to a place beyond the
-- store, so that a store that was put back, with a lower sequence or another mark, is noticed.
CREATE TABLE store_head (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    sequence  INTEGER NOT NULL,
    mark      BLOB    NOT NULL
);
