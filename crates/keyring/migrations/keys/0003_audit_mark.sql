-- One row at most: a signed checkpoint of the audit's log in the data store, no older than some
-- minutes while servers run. So a log that was emptied, set back or written anew in the data store
-- is noticed here. Once there is one, it is also known that the data store says up to where its
-- audit was pruned by a signed note.
CREATE TABLE audit_mark (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    size      INTEGER NOT NULL,
    note      TEXT    NOT NULL
);
