-- One row for each mutation, written in the mutation's own transaction. Rows are only added.
-- fingerprint is a digest under a key of the tenant: values can be compared by it, not read.
CREATE TABLE audit_entry (
    at          INTEGER NOT NULL,
    request     TEXT    NOT NULL,
    actor       TEXT    NOT NULL,
    operation   TEXT    NOT NULL,
    mode        INTEGER NOT NULL,
    app         TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    fingerprint BLOB
);

CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry
BEGIN SELECT raise(ABORT, 'audit entries are never changed'); END;

CREATE TRIGGER audit_entry_is_never_deleted BEFORE DELETE ON audit_entry
BEGIN SELECT raise(ABORT, 'audit entries are never deleted'); END;
