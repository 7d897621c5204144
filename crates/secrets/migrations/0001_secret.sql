-- A scope: what the users of an account share, or what is one user's own. Its row is locked by
-- every write to the scope, which is what keeps the limit of secrets from being passed by a
-- race, and counts the places that its list has given out. A job deletes it once nothing of the
-- scope is left. scope is a keyed digest.
CREATE TABLE secret_scope (
    mode    INTEGER NOT NULL,
    app     TEXT    NOT NULL,
    account TEXT    NOT NULL,
    scope   BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (mode, app, account, scope)
) WITHOUT ROWID;

-- A secret. It is found by keyed digests of its scope and its name, which have a fixed length
-- where a name can have 20,000 bytes. sealed is an envelope that is bound to everything else
-- that says where the secret belongs, and until when.
CREATE TABLE secret (
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
    PRIMARY KEY (mode, app, account, scope, name_key)
);

-- What expires, in the order in which it does.
CREATE INDEX secret_by_expiry ON secret (expires_at) WHERE expires_at IS NOT NULL;
