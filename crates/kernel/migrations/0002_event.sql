-- What happened to the objects of an owner, as it was told at the time. data holds the object,
-- printed once, when the event was written; nothing ever changes it.
CREATE TABLE event (
    mode            INTEGER NOT NULL,
    platform        TEXT    NOT NULL,
    account         TEXT    NOT NULL,
    seq             INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    created         INTEGER NOT NULL,
    type            TEXT    NOT NULL,
    api_version     TEXT    NOT NULL,
    request         TEXT,
    idempotency_key TEXT,
    data            TEXT    NOT NULL,
    PRIMARY KEY (mode, platform, account, seq)
);

CREATE UNIQUE INDEX event_by_id ON event (id);

-- Pruning goes by age.
CREATE INDEX event_by_age ON event (created);

-- Lists find their page in here, whatever they are filtered by, and read only its rows.
CREATE INDEX event_by_place ON event (mode, platform, account, seq, type, created);

-- The number of an owner's last event. Raising it makes writers of one owner's events take turns,
-- so that they become visible in the order of their numbers.
CREATE TABLE event_sequence (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account)
) WITHOUT ROWID;

-- Up to which midnight each timed task has done all that was due. It never goes back.
CREATE TABLE schedule_mark (
    name TEXT    NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL
) WITHOUT ROWID;

-- By how many seconds developer mode's clock was moved forward: one row at most.
CREATE TABLE clock_offset (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seconds INTEGER NOT NULL
);
