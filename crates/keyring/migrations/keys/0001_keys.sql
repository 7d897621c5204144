-- The key store: wrapped keys only, in a database of its own, so that a copy of the data alone
-- opens nothing, and a destroyed key opens no copy of the data.

-- One row: the store that these keys belong to, the time of the last backup, and how many keys that
-- has; rows of keys are never deleted, so a backup with fewer than there are now lacks some.
-- developer: 1 if the store lets in whoever asks, which makes it unfit for anything else for good.
-- bound: 1 once the data has the store's id, so that no other data is bound to these keys.
-- epoch: grows whenever keys are destroyed, so that a copy of this store from an earlier epoch
-- holds keys that are destroyed here. making_locked: 1 if no keys of apps may be made. stopped:
-- when an operator has sealed all servers, which then have no keys; NULL if nobody has.
CREATE TABLE key_store (
    singleton     INTEGER PRIMARY KEY CHECK (singleton = 1),
    store_id      TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    developer     INTEGER NOT NULL,
    bound         INTEGER NOT NULL,
    stopped       INTEGER,
    last_backup   INTEGER,
    backed_up     INTEGER,
    epoch         INTEGER NOT NULL DEFAULT 1,
    making_locked INTEGER NOT NULL DEFAULT 0
);

-- The roots of trust that keep, or kept, a root key: id is the root key's. kind: key, passphrase,
-- pkcs11, transit, aws-kms. state: current, whose root key wraps the master keys; incoming, while
-- servers move to it; retired. kept: what its kind needs to give the root key again, which is of no
-- use without the root; empty where the root key is kept whole, NULL once retired.
CREATE TABLE root (
    id      TEXT    PRIMARY KEY,
    kind    TEXT    NOT NULL,
    place   TEXT    NOT NULL,
    created INTEGER NOT NULL,
    state   TEXT    NOT NULL,
    kept    BLOB
) WITHOUT ROWID;

-- The master keys, wrapped by the root key of the incoming root.
CREATE TABLE incoming_master (
    version INTEGER NOT NULL,
    root    TEXT    NOT NULL,
    wrapped BLOB    NOT NULL,
    PRIMARY KEY (version, root)
) WITHOUT ROWID;

-- What was done with roots by a command, until a server has written it into the audit.
CREATE TABLE root_event (
    number    INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    operation TEXT    NOT NULL,
    subject   TEXT    NOT NULL
);

-- Master keys, wrapped by the root key of the current root. A destroyed key keeps its row with
-- wrapped NULL. rotation: the number of the rotation that made it; 0 if none did.
CREATE TABLE master_key (
    version  INTEGER PRIMARY KEY,
    created  INTEGER NOT NULL,
    rotation INTEGER NOT NULL,
    wrapped  BLOB
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
-- with wrapped NULL, so that its version is never used again. rotation: as of a master key. uses:
-- how many values it has sealed, as far as servers have written that down.
CREATE TABLE tenant_key (
    mode           INTEGER NOT NULL,
    app            TEXT    NOT NULL,
    account        TEXT    NOT NULL,
    purpose        TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    master_version INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    rotation       INTEGER NOT NULL,
    uses           INTEGER NOT NULL,
    wrapped        BLOB,
    PRIMARY KEY (mode, app, account, purpose, version)
) WITHOUT ROWID;
