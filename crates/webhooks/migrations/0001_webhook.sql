-- Webhook endpoints. Owner: mode, platform, account, as of events; connect: 1 for events of the
-- platform's connected accounts. events: the types that it gets, a line each. api_version is what
-- the caller named, version the one that is rendered. app and tenant are whose keys have sealed the
-- newest secret, old_tenant whose have sealed the one before it. failing_since and failures: since
-- when nothing succeeded, and how many attempts; warned: when that was last told. holder: which
-- server sends, where there are several.
CREATE TABLE webhook_endpoint (
    mode          INTEGER NOT NULL,
    platform      TEXT    NOT NULL,
    account       TEXT    NOT NULL,
    seq           INTEGER NOT NULL,
    id            TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    app           TEXT    NOT NULL,
    tenant        TEXT    NOT NULL,
    old_tenant    TEXT,
    connect       INTEGER NOT NULL CHECK (connect IN (0, 1)),
    application   TEXT,
    url           TEXT    NOT NULL,
    description   TEXT,
    metadata      TEXT    NOT NULL,
    events        TEXT    NOT NULL,
    api_version   TEXT,
    version       TEXT    NOT NULL,
    enabled       INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    failing_since INTEGER,
    failures      INTEGER NOT NULL,
    warned        INTEGER,
    holder        TEXT    NOT NULL,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX webhook_endpoint_by_id ON webhook_endpoint (id);
CREATE INDEX webhook_endpoint_by_tenant ON webhook_endpoint (mode, app, tenant);

-- The number of an owner's last endpoint. Its row is a lock: those who make endpoints of one owner
-- wait for each other, so that a race passes no limit.
CREATE TABLE webhook_owner (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account)
) WITHOUT ROWID;

-- Signing secrets, sealed: one for each endpoint, and while it is rolled the one before it, which
-- has an expiry.
CREATE TABLE webhook_secret (
    slot       INTEGER NOT NULL,
    mode       INTEGER NOT NULL,
    app        TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    endpoint   TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    expires_at INTEGER,
    sealed     BLOB    NOT NULL,
    PRIMARY KEY (slot, account, digest)
) WITHOUT ROWID;

CREATE INDEX webhook_secret_by_endpoint ON webhook_secret (account, endpoint);

-- Attempts to deliver an event to an endpoint: written with the event, and after a failure the next
-- one. status: 0 waits until due, 1 succeeded, 2 failed. once: 1 for what was asked for by hand,
-- which is not tried again. happened: when the event did; at: when the attempt was made, or written
-- if it was not yet. The owner is the event's. Rows are added at the end of their endpoint's.
CREATE TABLE webhook_attempt (
    endpoint     TEXT    NOT NULL,
    seq          INTEGER NOT NULL,
    event        TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    mode         INTEGER NOT NULL,
    platform     TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    once         INTEGER NOT NULL CHECK (once IN (0, 1)),
    status       INTEGER NOT NULL CHECK (status IN (0, 1, 2)),
    due          INTEGER NOT NULL,
    happened     INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    http_status  INTEGER,
    error        TEXT,
    milliseconds INTEGER,
    next         INTEGER,
    PRIMARY KEY (endpoint, seq, event)
) WITHOUT ROWID;

-- What waits, endpoint by endpoint, in the order in which it is sent.
CREATE INDEX webhook_attempt_waiting ON webhook_attempt (endpoint, due, seq) WHERE status = 0;
CREATE INDEX webhook_attempt_by_event ON webhook_attempt (event, seq);

-- Servers that send: a server whose beat no longer changes has ended.
CREATE TABLE webhook_server (
    id   TEXT    NOT NULL PRIMARY KEY,
    beat INTEGER NOT NULL
) WITHOUT ROWID;
