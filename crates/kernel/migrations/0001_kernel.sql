-- Responses that are stored so that a repeated request is answered the same. key_digest is a keyed
-- digest of the idempotency key, parameters one of the request's parameters; response is sealed
-- under the tenant's key and unreadable once that is destroyed.
CREATE TABLE idempotency_record (
    mode       INTEGER NOT NULL,
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    key_digest BLOB    NOT NULL,
    operation  TEXT    NOT NULL,
    parameters BLOB    NOT NULL,
    request    TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    response   BLOB    NOT NULL,
    PRIMARY KEY (mode, app, account, key_digest)
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
