-- A secret. slot, by which it is found, is one number for the tenant, the scope and the name; rows
-- may share one, so whoever looks for a secret compares what follows, too. scope and name_key are
-- keyed digests, which have a fixed length where a name can have 20,000 bytes. sealed is an
-- envelope that is bound to everything else that says where the secret belongs, and until when.
-- version counts how often the secret was set, lease how often it was leased. lease_until is there
-- while a lease is: it is the second of the store's clock at which it runs out. lease_spent is the
-- lease whose holder has said that it uses the value up, or 0.
-- announced: what events have said of its expiry, 0 nothing, 1 that it will come, 2 that it has.
CREATE TABLE secret (
    slot       INTEGER NOT NULL,
    mode       INTEGER NOT NULL,
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    scope      BLOB    NOT NULL,
    name_key   BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    expires_at INTEGER,
    scope_user TEXT,
    name       TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    version     INTEGER NOT NULL,
    lease       INTEGER NOT NULL,
    lease_until INTEGER,
    lease_spent INTEGER NOT NULL,
    announced   INTEGER NOT NULL
    -- shared: , PRIMARY KEY (slot, account, name_key)
);

CREATE INDEX secret_by_slot ON secret (slot); -- embedded

-- What expires, in the order in which it does, apart by what was announced of it.
CREATE INDEX secret_by_expiry ON secret (announced, expires_at) WHERE expires_at IS NOT NULL;

-- Rows that many writers lock before they write to a scope, so that a race passes no limit, and
-- gives no place of its list twice. The scopes of a tenant share a few of them. An embedded store
-- has one writer, and no such rows.
CREATE TABLE scope_lock (
    mode    INTEGER NOT NULL,
    app     TEXT    NOT NULL,
    account TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (account, app, mode, number)
) WITHOUT ROWID;
