-- What happened to the objects of an owner. data holds the object as it was rendered when the event
-- was written; nothing changes it afterwards. pending_webhooks counts deliveries that have not
-- succeeded yet.
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
    pending_webhooks INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, seq)
);

CREATE UNIQUE INDEX event_by_id ON event (account, id);

-- Pruning goes by age.
CREATE INDEX event_by_age ON event (created);

-- Lists that are narrowed find their page in here, type by type, and read only its rows. A type
-- that nothing has is found to be empty at once.
CREATE INDEX event_by_type ON event
    (mode, platform, account, type, seq, created, pending_webhooks);

-- The number of an owner's last event. Its row is a lock: writers of one owner's events wait for
-- each other, so that events become visible in the order of their numbers.
CREATE TABLE event_sequence (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account)
) WITHOUT ROWID;

-- Up to which midnight each scheduled task has done all that was due. It never goes back.
CREATE TABLE watermark (
    name TEXT    NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL
) WITHOUT ROWID;

-- What was known of the time when a server last wrote it down: one row at most. seen is the latest
-- time at which a clock was right, proven the time of day as far as running servers have seen it
-- pass; doubted is 1 while the clock is ahead of both.
CREATE TABLE clock_record (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seen    INTEGER NOT NULL,
    proven  INTEGER NOT NULL,
    doubted INTEGER NOT NULL
);

-- By how many seconds a platform's clock was moved forward: developer mode only.
CREATE TABLE platform_clock (
    platform TEXT    NOT NULL PRIMARY KEY,
    seconds  INTEGER NOT NULL
) WITHOUT ROWID;
