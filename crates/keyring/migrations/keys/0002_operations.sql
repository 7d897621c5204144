-- One row: how far this store has come, as in the data.
CREATE TABLE store_head (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    sequence  INTEGER NOT NULL,
    mark      BLOB    NOT NULL
);

-- What came of the last backup and of the last drill. kind: backup, drill. succeeded: when the last
-- one did that succeeded; ok: whether that is this one. It stands in the key store, since that is
-- the one that is rarely written: a backup beside a running server is no second writer of the data.
CREATE TABLE last_run (
    kind      TEXT    PRIMARY KEY,
    at        INTEGER NOT NULL,
    outcome   TEXT    NOT NULL,
    ok        INTEGER NOT NULL,
    succeeded INTEGER
) WITHOUT ROWID;
