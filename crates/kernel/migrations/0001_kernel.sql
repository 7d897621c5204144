-- Responses that are stored so that a repeated request is answered the same. slot, by which a
-- response is found, is one number for the tenant and the key; rows may share one. key_digest is a
-- keyed digest of the idempotency key, parameters one of the request's parameters; response is
-- sealed under the tenant's key and unreadable once that is destroyed.
CREATE TABLE idempotency_record (
    slot       INTEGER NOT NULL,
    mode       INTEGER NOT NULL,
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    key_digest BLOB    NOT NULL,
    operation  TEXT    NOT NULL,
    parameters BLOB    NOT NULL,
    request    TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    response   BLOB    NOT NULL
    -- shared: , PRIMARY KEY (slot, account, key_digest)
);

CREATE INDEX idempotency_record_by_slot ON idempotency_record (slot); -- embedded

-- Pruning goes by age. In an embedded store the numbers of rows grow with it.
-- shared: CREATE INDEX idempotency_record_by_age ON idempotency_record (created);

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
