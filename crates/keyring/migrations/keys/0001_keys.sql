-- The key store: wrapped keys only, in a database of its own, so that a copy of the data alone
-- opens nothing, and a destroyed key opens no copy of the data.

-- One row: the store that these keys belong to, the time of the last backup, and how many keys that
-- has; rows of keys are never deleted, so a backup with fewer than there are now lacks some.
-- developer: 1 if the store lets in whoever asks, which makes it unfit for anything else for good.
-- bound: 1 once the data has the store's id, so that no other data is bound to these keys.
-- epoch: grows whenever keys are destroyed, so that a copy of this store from an earlier epoch holds
-- keys that are destroyed here. making_locked: 1 if no keys of apps may be made.
CREATE TABLE key_store (
    singleton     INTEGER PRIMARY KEY CHECK (singleton = 1),
    store_id      TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    developer     INTEGER NOT NULL,
    bound         INTEGER NOT NULL,
    last_backup   INTEGER,
    backed_up     INTEGER,
    epoch         INTEGER NOT NULL DEFAULT 1,
    making_locked INTEGER NOT NULL DEFAULT 0
);

-- Master keys, wrapped by the root key. A destroyed key keeps its row with wrapped NULL.
CREATE TABLE master_key (
    version INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    wrapped BLOB
);

-- What was revoked. subject: a key, an app, an account, or an app's install on an account; its rows
-- with places up to floor are not believed any more, whatever the data says of them. After
-- expires_at they are refused without it.
CREATE TABLE revocation (
    subject    TEXT    PRIMARY KEY,
    floor      INTEGER NOT NULL,
    expires_at INTEGER
) WITHOUT ROWID;

CREATE INDEX revocation_by_expiry ON revocation (expires_at) WHERE expires_at IS NOT NULL;

-- How often API keys were used that may be used a number of times. It stands here so that nobody
-- who can write to the data gives a key its uses back.
CREATE TABLE key_use (
    key  TEXT    PRIMARY KEY,
    used INTEGER NOT NULL
) WITHOUT ROWID;

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
