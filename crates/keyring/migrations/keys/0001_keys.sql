-- The key store: wrapped keys only, in a database of its own, so that a copy of the data alone
-- opens nothing, and a destroyed key opens no copy of the data.

-- One row: the store that these keys belong to, the time of the last backup, and how many keys that
-- has. Rows of keys are never deleted, so a backup with fewer than there are now lacks some.
CREATE TABLE key_store (
    singleton   INTEGER PRIMARY KEY CHECK (singleton = 1),
    store_id    TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    last_backup INTEGER,
    backed_up   INTEGER
);

-- Master keys, wrapped by the root key. A destroyed key keeps its row with wrapped NULL.
CREATE TABLE master_key (
    version INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    wrapped BLOB
);

-- Tenants' keys, wrapped by a master key. purpose: sealing, lookup. A destroyed key keeps its row
-- with wrapped NULL, so that its version is never used again.
CREATE TABLE tenant_key (
    mode           INTEGER NOT NULL,
    app            TEXT    NOT NULL,
    account        TEXT    NOT NULL,
    purpose        TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    master_version INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    wrapped        BLOB,
    PRIMARY KEY (mode, app, account, purpose, version)
) WITHOUT ROWID;
