-- Answers that are kept so that a repeated request gets them again. claim is a keyed digest of
-- the idempotency key, parameters one of the request's parameters; answer is sealed under the
-- tenant's key and gone with it.
CREATE TABLE idempotency_record (
    mode       INTEGER NOT NULL,
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    claim      BLOB    NOT NULL,
    operation  TEXT    NOT NULL,
    parameters BLOB    NOT NULL,
    request    TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    answer     BLOB    NOT NULL,
    PRIMARY KEY (mode, app, account, claim)
);

-- Pruning goes by age.
CREATE INDEX idempotency_record_by_age ON idempotency_record (created);

-- Where deleted and expired objects stood in their lists, so that a cursor that names one still
-- pages. collection is the list's own digest.
CREATE TABLE tombstone (
    mode       INTEGER NOT NULL,
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    collection BLOB    NOT NULL,
    id         TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    PRIMARY KEY (mode, app, account, collection, id)
) WITHOUT ROWID;

CREATE INDEX tombstone_by_age ON tombstone (created);
