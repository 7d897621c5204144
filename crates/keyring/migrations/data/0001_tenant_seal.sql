-- One row: the id of this store, which every envelope and wrapped key is bound to.
CREATE TABLE store_identity (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    store_id  TEXT    NOT NULL,
    created   INTEGER NOT NULL
);

-- The version of the sealing key under which a tenant's rows may be written. It is stored with the
-- data, so that a transaction can compare the key that sealed a row with it: the key may have been
-- destroyed in between.
CREATE TABLE tenant_seal (
    mode        INTEGER NOT NULL,
    app         TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    key_version INTEGER NOT NULL,
    PRIMARY KEY (mode, app, account)
) WITHOUT ROWID;

-- Rotations of keys, each with what it is to do and how far it has come. master, tenants: whether
-- the master key's and the tenants' keys change. fresh: 1 if it makes new keys, 0 if it only
-- destroys old ones. keep: 1 if old keys stay. app, account: whose keys; NULL for all. older_than,
-- used_beyond: only keys that were made up to that time, or have sealed so much. worker, beat: the
-- server that works on it, and how often it has written that it does. phase: keys, settle, walk,
-- destroy, done. walk, seal, part, slot: how often all records were gone through, and the place
-- there. pace: records a second.
CREATE TABLE rotation (
    number      INTEGER PRIMARY KEY,
    master      INTEGER NOT NULL,
    tenants     INTEGER NOT NULL,
    fresh       INTEGER NOT NULL,
    keep        INTEGER NOT NULL,
    app         TEXT,
    account     TEXT,
    older_than  INTEGER,
    used_beyond INTEGER,
    cause       TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    worker      TEXT    NOT NULL,
    beat        INTEGER NOT NULL,
    phase       TEXT    NOT NULL,
    walk        INTEGER NOT NULL,
    seal        INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    slot        INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    seen        INTEGER NOT NULL,
    resealed    INTEGER NOT NULL,
    remaining   INTEGER NOT NULL,
    damaged     INTEGER NOT NULL,
    pace        INTEGER NOT NULL,
    finished    INTEGER
);
