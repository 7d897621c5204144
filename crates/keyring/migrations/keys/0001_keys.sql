-- The key store: wrapped keys only, and apart from the data, so that a copy of the data alone
-- opens nothing and a destroyed key is gone from every copy of the data that exists.

-- One row: which store these keys belong to, and when they were last backed up.
CREATE TABLE key_store (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    store_id  TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    backed_up INTEGER
);

-- Master keys, wrapped by the root of trust. state: active, retained, destroyed.
CREATE TABLE master_key (
    version INTEGER PRIMARY KEY,
    state   TEXT    NOT NULL,
    created INTEGER NOT NULL,
    wrapped BLOB
);

-- Tenants' keys, wrapped by a master key. purpose: sealing, lookup. A destroyed key keeps its
-- row, without the key, so that its version number is never given to another.
CREATE TABLE tenant_key (
    mode           INTEGER NOT NULL,
    app            TEXT    NOT NULL,
    account        TEXT    NOT NULL,
    purpose        TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    master_version INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    wrapped        BLOB,
    PRIMARY KEY (mode, app, account, purpose, version)
) WITHOUT ROWID;
