-- One row: the id of this store, which every envelope and wrapped key is bound to.
CREATE TABLE store_identity (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    store_id TEXT    NOT NULL,
    created  INTEGER NOT NULL
);

-- The version of the sealing key under which a tenant's rows may be written. It stands beside
-- the data, so that a transaction can see that what it was given was sealed under a key that
-- has been rotated or destroyed meanwhile.
CREATE TABLE tenant_seal (
    mode        INTEGER NOT NULL,
    app         TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    key_version INTEGER NOT NULL,
    PRIMARY KEY (mode, app, account)
) WITHOUT ROWID;
