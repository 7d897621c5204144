-- Everything that was asked for, refused or done, one row for each. Rows are only added.
--
-- Nothing here is a value that somebody keeps in the store. fingerprint is a digest of the value that
-- was written, name_fingerprint one of the name, both under a key of the tenant: they can be compared,
-- not read. actor is the id of a key; of a key that nobody has it is a digest of what was presented.
-- account is the tenant's, in its generation; entries of no account have acct_coffer_system.
--
-- id is larger than those of all rows before it. In an embedded store, which has one writer, that is
-- the order of commits. In a shared store a transaction can commit after one that took its number
-- later; there xact is the number of the row's transaction, and (xact, id) is an order in which
-- nothing is added any more below the oldest transaction that has not ended: src/order.rs.
CREATE TABLE audit_entry (
    id               INTEGER PRIMARY KEY, -- embedded
    -- shared: id    INTEGER PRIMARY KEY AUTOINCREMENT,
    format           INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    server           TEXT    NOT NULL,
    request          TEXT,
    actor_kind       TEXT    NOT NULL,
    actor            TEXT,
    bound_user       TEXT,
    peer             TEXT,
    mode             INTEGER NOT NULL,
    app              TEXT    NOT NULL,
    account          TEXT    NOT NULL,
    operation        TEXT    NOT NULL,
    subject          TEXT,
    scope            TEXT,
    name_fingerprint BLOB,
    name             TEXT,
    fingerprint      BLOB,
    outcome          TEXT    NOT NULL,
    status           INTEGER,
    reason           TEXT,
    amount           INTEGER,
    detail           TEXT
    -- shared: , xact INTEGER NOT NULL DEFAULT (CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT))
);

-- shared: CREATE INDEX audit_entry_by_id ON audit_entry (id);

-- Reading in the order of commits goes by it.
-- shared: CREATE INDEX audit_entry_by_xact ON audit_entry (xact, id);

CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry
BEGIN SELECT raise(ABORT, 'audit entries are never changed'); END;

CREATE TRIGGER audit_entry_is_never_deleted BEFORE DELETE ON audit_entry
BEGIN SELECT raise(ABORT, 'audit entries are never deleted'); END;
