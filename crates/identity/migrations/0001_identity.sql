-- mac, in all tables: a MAC of the other columns under a key of the key store. A row whose MAC is
-- not right does not exist for the server. It leaves out what a change can only take rights with
-- (api_key.revoked_at) and what decides nothing (api_key.last_used and successor).
-- seq and
-- version: the places of rows in the one order in which all of them are made or changed.

-- Accounts: whoever installs apps, or develops them.
CREATE TABLE account (
    id      TEXT    PRIMARY KEY,
    seq     INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    created INTEGER NOT NULL,
    mac     BLOB    NOT NULL
) WITHOUT ROWID;

-- Apps, each made by one account. quotas: numbers of the app's own, as name=value separated by
-- blanks; where one is missing, the installation's counts. manifest: what the app asks of those who
-- install it, a line each. self_install: 1 lets it install itself anywhere. embedders: the accounts
-- whose apps may install it for their customers, separated by blanks.
CREATE TABLE app (
    id           TEXT    PRIMARY KEY,
    seq          INTEGER NOT NULL,
    account      TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    quotas       TEXT    NOT NULL,
    manifest     TEXT    NOT NULL,
    self_install INTEGER NOT NULL,
    embedders    TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    mac          BLOB    NOT NULL
) WITHOUT ROWID;

CREATE INDEX app_by_account ON app (account);

-- Apps on accounts: that there is, or was, anything between the two.
CREATE TABLE install (
    app     TEXT    NOT NULL,
    account TEXT    NOT NULL,
    id      TEXT    NOT NULL UNIQUE,
    seq     INTEGER NOT NULL,
    created INTEGER NOT NULL,
    mac     BLOB    NOT NULL,
    PRIMARY KEY (app, account)
) WITHOUT ROWID;

CREATE INDEX install_by_account ON install (account);

-- The same in one mode: whether the app is let in. state: 'installed', or who uninstalled it
-- ('account', 'developer', 'embedder', 'operator'), which keeps its data. created_by: the account
-- of the platform that installed it for this one, if one did. granted: as app.manifest. An app that
-- is installed again has a new id, seq and created.
CREATE TABLE install_mode (
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    mode       INTEGER NOT NULL,
    id         TEXT    NOT NULL UNIQUE,
    seq        INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    created_by TEXT,
    granted    TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    mac        BLOB    NOT NULL,
    PRIMARY KEY (app, account, mode)
) WITHOUT ROWID;

-- Lists are an app's or an account's, in one mode, newest first.
CREATE INDEX install_mode_by_app ON install_mode (app, mode, seq);
CREATE INDEX install_mode_by_account ON install_mode (account, mode, seq);

-- Where installs stood in their lists that are no more, for cursors that name them. They decide
-- nothing. left_at: when the row was made.
CREATE TABLE install_tombstone (
    id         TEXT    PRIMARY KEY,
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    mode       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    created_by TEXT,
    left_at    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX install_tombstone_by_age ON install_tombstone (left_at);

-- Keys, as SHA-256 of tokens that have 190 random bits. kind: secret, restricted, ephemeral,
-- admin. app and mode are NULL for admin keys; account, user_id, account_access and parent are
-- those of ephemeral keys; permissions is NULL where they are not restricted. redacted is the
-- token with its middle starred out. role: that of an admin key. networks: those that it may be
-- used from, separated by blanks; NULL for all. uses: how often it may be used; NULL for any
-- number. successor: the key that took its place when it was rolled.
CREATE TABLE api_key (
    hash           BLOB    PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    seq            INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    mode           INTEGER,
    app            TEXT,
    account        TEXT,
    user_id        TEXT,
    account_access TEXT,
    permissions    TEXT,
    parent         TEXT,
    name           TEXT    NOT NULL,
    redacted       TEXT    NOT NULL,
    created        INTEGER NOT NULL,
    expires_at     INTEGER,
    role           TEXT,
    networks       TEXT,
    uses           INTEGER,
    revoked_at     INTEGER,
    last_used      INTEGER,
    successor      TEXT,
    mac            BLOB    NOT NULL
) WITHOUT ROWID;

CREATE INDEX api_key_by_app ON api_key (app, account);
CREATE INDEX api_key_by_parent ON api_key (parent) WHERE parent IS NOT NULL;
CREATE INDEX api_key_ephemeral_by_expiry ON api_key (expires_at) WHERE kind = 'ephemeral';

-- The generation of what an app keeps for an account, if that was ever purged: the place of the
-- last purge. From then on the rows of all families, the keys and the erasures name the account
-- with its generation (acct_x~57), so that a tenant that lives again sees nothing of what was
-- purged.
CREATE TABLE tenant_generation (
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    mac        BLOB    NOT NULL,
    PRIMARY KEY (app, account)
) WITHOUT ROWID;

-- Tenants that are being erased, in both modes, each with the generation that was purged.
-- request says which request asked for it: a tenant that was erased may live again and be erased
-- again, and a server that is still at the first erasure must not take the second for it.
CREATE TABLE erasure (
    app     TEXT    NOT NULL,
    account TEXT    NOT NULL,
    created INTEGER NOT NULL,
    request TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    mac     BLOB    NOT NULL,
    PRIMARY KEY (app, account)
) WITHOUT ROWID;

-- What was erased of an account, or of one of its users: a receipt for people, which decides
-- nothing. done is NULL until nothing is left to erase. epoch: copies of the key store from this
-- epoch on hold none of the keys that were destroyed. rotation: of a user, whose rows are deleted,
-- the number of the rotation that seals the account's other records anew and destroys the keys from
-- before.
CREATE TABLE erasure_receipt (
    id       TEXT    PRIMARY KEY,
    seq      INTEGER NOT NULL,
    request  TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    user_id  TEXT,
    created  INTEGER NOT NULL,
    rotation INTEGER,
    epoch    INTEGER,
    done     INTEGER
) WITHOUT ROWID;

CREATE INDEX erasure_receipt_open ON erasure_receipt (request) WHERE done IS NULL;

-- Revocations on their way to the key store: the rows of subject with places up to floor are not
-- believed again, even if somebody puts them back.
CREATE TABLE pending_revocation (
    subject    TEXT    NOT NULL,
    floor      INTEGER NOT NULL,
    expires_at INTEGER,
    mac        BLOB    NOT NULL,
    PRIMARY KEY (subject, floor)
) WITHOUT ROWID;

-- One row: the last place that a row was given.
CREATE TABLE identity_sequence (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    seq       INTEGER NOT NULL
);
