-- How far each receiver of the audit has it: the number of the last entry that it has acknowledged.
-- Of several servers one ships, the one that holds the row until held_until.
CREATE TABLE audit_shipment (
    receiver   TEXT    NOT NULL PRIMARY KEY,
    shipped    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    server     TEXT    NOT NULL,
    held_until INTEGER NOT NULL
);

-- What somebody asks an explanation of, and what operators did to an object: both are few.
CREATE INDEX audit_entry_of_refusal ON audit_entry (request) WHERE outcome = 'refused';
CREATE INDEX audit_entry_by_operator ON audit_entry (subject) WHERE actor_kind = 'admin';
