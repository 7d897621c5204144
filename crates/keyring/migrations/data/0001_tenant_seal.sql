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
