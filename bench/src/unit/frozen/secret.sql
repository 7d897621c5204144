-- The row of a secret as version 0.1.0 had it, alone. This text is the benchmark's own: it stays as
-- it is when Coffer's tables change.
-- Schema.
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
CREATE INDEX secret_by_expiry ON secret (expires_at) WHERE expires_at IS NOT NULL;
-- Accounts.
CREATE TEMP TABLE bench_account AS
    WITH RECURSIVE n (number) AS (VALUES (1) UNION ALL SELECT number + 1 FROM n WHERE number < 200)
    SELECT printf('acct_%016d', number * 48271 % 99999999999) AS account FROM n;
-- Each unit.
INSERT INTO secret VALUES (
    1, 'app_VcGW4Wd6MKVLdjK1', :account, :bytes16_scope, :bytes16_name, 1, 'appsecret_' || :text30,
    1796000000, NULL, 'usr_' || :text16_user, 'token_' || :text16_name, :bytes165
);
