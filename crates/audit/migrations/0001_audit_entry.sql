-- Everything that was asked for, refused or done, one row for each. Rows are only added.
--
-- Nothing here is a value that somebody keeps in the store. fingerprint is a digest of the value
-- that was written, name_fingerprint one of the name, both under a key of the tenant: they can be
-- compared, not read. actor is the id of a key; of a key that nobody has it is a digest of what was
-- presented. account is the tenant's, in its generation; entries of no account have
-- acct_coffer_system.
--
-- id is the entry's number in the log (0002), from 1 on and without gaps. In an embedded store,
-- which has one writer, that is the order of commits. In a shared store many transactions commit at
-- once: a row gets its number when it is taken into the log, and until then has only its ordinal,
-- which other rows that commit later may precede.
CREATE TABLE audit_entry (
    id               INTEGER PRIMARY KEY, -- embedded
    -- shared: id      INTEGER,
    -- shared: ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
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
);

-- Entries are read by their numbers, and those without one in the order of their ordinals.
-- shared: CREATE INDEX audit_entry_by_id ON audit_entry (id, ordinal);

-- All but the number, which a row of a shared store gets later.
CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE OF
    format, at, server, request, actor_kind, actor, bound_user, peer, mode, app, account, operation,
    subject, scope, name_fingerprint, name, fingerprint, outcome, status, reason, amount, detail
ON audit_entry
BEGIN SELECT raise(ABORT, 'audit entries are never changed'); END;

-- What an operator has pruned is first given a number below 0.
CREATE TRIGGER audit_entry_is_never_deleted BEFORE DELETE ON audit_entry
WHEN old.id IS NULL OR old.id > 0
BEGIN SELECT raise(ABORT, 'audit entries are never deleted'); END;
