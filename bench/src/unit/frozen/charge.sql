-- What a charge under one active rolling plan added and changed in version 0.1.0, in its tables
-- with their indexes. This text is the benchmark's own: it stays as it is when Coffer's tables
-- change.
-- Schema.
CREATE TABLE ledger (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    last_tx  INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account)
) WITHOUT ROWID;
CREATE TABLE ledger_charge (
    mode            INTEGER NOT NULL,
    platform        TEXT    NOT NULL,
    account         TEXT    NOT NULL,
    seq             INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount > 0),
    currency        TEXT    NOT NULL,
    fee             INTEGER,
    application_fee INTEGER NOT NULL,
    source_type     INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    source_transfer TEXT,
    created         INTEGER NOT NULL,
    available_on    INTEGER NOT NULL,
    refunded        INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND amount),
    disputed        INTEGER NOT NULL CHECK (disputed IN (0, 1)),
    pending         INTEGER NOT NULL,
    settled         INTEGER NOT NULL CHECK (settled IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX ledger_charge_by_id ON ledger_charge (mode, platform, account, id);
CREATE INDEX ledger_charge_by_availability
    ON ledger_charge (available_on, mode, platform, account, seq) WHERE settled = 0;
CREATE TABLE ledger_entry (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    created  INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;
CREATE TABLE ledger_posting (
    mode        INTEGER NOT NULL,
    platform    TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    entry       INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    from_bucket INTEGER NOT NULL CHECK (from_bucket BETWEEN 0 AND 6),
    to_bucket   INTEGER NOT NULL CHECK (to_bucket BETWEEN 0 AND 6),
    amount      INTEGER NOT NULL CHECK (amount > 0),
    currency    TEXT    NOT NULL,
    source_type INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    PRIMARY KEY (mode, platform, account, entry, line),
    CHECK (from_bucket <> to_bucket)
) WITHOUT ROWID;
CREATE TABLE balance_transaction (
    mode            INTEGER NOT NULL,
    platform        TEXT    NOT NULL,
    account         TEXT    NOT NULL,
    seq             INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    entry           INTEGER NOT NULL,
    kind            TEXT    NOT NULL,
    source          TEXT    NOT NULL,
    currency        TEXT    NOT NULL,
    reserved        INTEGER NOT NULL CHECK (reserved IN (0, 1)),
    pending         INTEGER NOT NULL CHECK (pending IN (0, 1)),
    amount          INTEGER NOT NULL,
    fee             INTEGER NOT NULL,
    application_fee INTEGER NOT NULL,
    created         INTEGER NOT NULL,
    available_on    INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX balance_transaction_by_id
    ON balance_transaction (mode, platform, account, id);
CREATE INDEX balance_transaction_by_source
    ON balance_transaction (mode, platform, account, source, seq);
CREATE TABLE reserve_hold (
    mode              INTEGER NOT NULL,
    platform          TEXT    NOT NULL,
    account           TEXT    NOT NULL,
    seq               INTEGER NOT NULL,
    id                TEXT    NOT NULL,
    created           INTEGER NOT NULL,
    amount            INTEGER NOT NULL CHECK (amount > 0),
    released          INTEGER NOT NULL CHECK (released BETWEEN 0 AND amount),
    currency          TEXT    NOT NULL,
    source_type       INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    charge            TEXT,
    plan              INTEGER,
    release_after     INTEGER,
    scheduled_release INTEGER,
    announced_release INTEGER,
    pending           INTEGER NOT NULL CHECK (pending IN (0, 1)),
    available_on      INTEGER NOT NULL,
    metadata          TEXT    NOT NULL,
    PRIMARY KEY (mode, platform, account, seq),
    CHECK ((charge IS NULL) = (plan IS NULL)),
    CHECK (scheduled_release IS NULL OR announced_release IS NULL)
) WITHOUT ROWID;
CREATE UNIQUE INDEX reserve_hold_by_id ON reserve_hold (mode, platform, account, id);
CREATE INDEX reserve_hold_by_charge ON reserve_hold (mode, platform, account, charge, plan, seq)
    WHERE charge IS NOT NULL;
CREATE INDEX reserve_hold_by_plan ON reserve_hold (mode, platform, account, plan, seq)
    WHERE plan IS NOT NULL;
CREATE INDEX reserve_hold_due ON reserve_hold
    (scheduled_release, mode, platform, account, currency, plan, seq)
    WHERE scheduled_release IS NOT NULL AND released < amount;
CREATE INDEX reserve_hold_left ON reserve_hold
    (mode, platform, account, plan, announced_release, currency, seq)
    WHERE plan IS NOT NULL AND released < amount;
CREATE TABLE event_sequence (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account)
) WITHOUT ROWID;
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
CREATE UNIQUE INDEX event_by_id ON event (id);
CREATE INDEX event_by_age ON event (created);
CREATE INDEX event_by_type ON event
    (mode, platform, account, type, seq, created, pending_webhooks);
CREATE TABLE ledger_balance (
    mode               INTEGER NOT NULL,
    platform           TEXT    NOT NULL,
    account            TEXT    NOT NULL,
    currency           TEXT    NOT NULL,
    source_type        INTEGER NOT NULL,
    payments_pending   INTEGER NOT NULL,
    payments_available INTEGER NOT NULL,
    reserved_pending   INTEGER NOT NULL CHECK (reserved_pending >= 0),
    reserved_available INTEGER NOT NULL CHECK (reserved_available >= 0),
    clearing           INTEGER NOT NULL,
    fees               INTEGER NOT NULL,
    payouts_in_transit INTEGER NOT NULL CHECK (payouts_in_transit >= 0),
    PRIMARY KEY (mode, platform, account, currency, source_type)
) WITHOUT ROWID;
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
CREATE INDEX idempotency_record_by_age ON idempotency_record (created);
-- Accounts.
CREATE TEMP TABLE bench_account AS
    WITH RECURSIVE n (number) AS (VALUES (1) UNION ALL SELECT number + 1 FROM n WHERE number < 200)
    SELECT printf('acct_%016d', number * 48271 % 99999999999) AS account,
        'acct_VcGW4Wd6MKVLdjK1' AS platform
    FROM n;
-- Each unit.
INSERT INTO ledger VALUES (1, :platform, :account, :turn)
    ON CONFLICT (mode, platform, account) DO UPDATE SET last_tx = excluded.last_tx;
INSERT INTO ledger_charge VALUES (
    1, :platform, :account, :turn << 16, 'ch_' || :text16, 10000, 'usd', 320, 0, 0, NULL,
    1796000000, 1796083200, 0, 0, 9680, 0
);
INSERT INTO ledger_entry VALUES (
    1, :platform, :account, :turn << 16 | 1, 'charge', 'ch_' || :text16, 1796000000
);
INSERT INTO ledger_posting VALUES (
    1, :platform, :account, :turn << 16 | 1, 0, 4, 0, 10000, 'usd', 0
);
INSERT INTO ledger_posting VALUES (1, :platform, :account, :turn << 16 | 1, 1, 0, 5, 320, 'usd', 0);
INSERT INTO balance_transaction VALUES (
    1, :platform, :account, :turn << 16 | 2, 'txn_' || :text29, :turn << 16 | 1, 'charge',
    'ch_' || :text16, 'usd', 0, 1, 10000, 320, 0, 1796000000, 1796083200
);
INSERT INTO reserve_hold VALUES (
    1, :platform, :account, :turn << 16 | 3, 'reshold_' || :text29, 1796000000, 968, 0, 'usd', 0,
    'ch_' || :text16, 65536, NULL, 1798588800, NULL, 1, 1796083200, '{}'
);
INSERT INTO ledger_entry VALUES (
    1, :platform, :account, :turn << 16 | 4, 'reserve_hold', 'reshold_' || :text29, 1796000000
);
INSERT INTO ledger_posting VALUES (1, :platform, :account, :turn << 16 | 4, 0, 0, 2, 968, 'usd', 0);
INSERT INTO balance_transaction VALUES (
    1, :platform, :account, :turn << 16 | 5, 'txn_' || :text29, :turn << 16 | 4, 'reserve_hold',
    'reshold_' || :text29_hold, 'usd', 0, 1, -968, 0, 0, 1796000000, 1796083200
);
INSERT INTO balance_transaction VALUES (
    1, :platform, :account, :turn << 16 | 6, 'txn_' || :text29, :turn << 16 | 4, 'reserve_hold',
    'reshold_' || :text29_hold, 'usd', 1, 1, 968, 0, 0, 1796000000, 1796083200
);
INSERT INTO event_sequence VALUES (1, :platform, :account, :turn)
    ON CONFLICT (mode, platform, account) DO UPDATE SET seq = excluded.seq;
INSERT INTO event VALUES (
    1, :platform, :account, :turn, 'evt_' || :text16, 1796000000, 'reserve.hold.created',
    '2026-10-28.endive', 'req_' || :text14, :text36, '{
  "object": {
    "id": "' || :text37_hold || '",
    "object": "reserve.hold",
    "amount": 968,
    "amount_releasable": 968,
    "created": 1796000000,
    "created_by": "application",
    "currency": "usd",
    "destination": "risk_reserved",
    "is_releasable": true,
    "livemode": true,
    "metadata": {},
    "reason": "charge",
    "release_details": [],
    "release_schedule": {
      "release_after": null,
      "scheduled_release": 1798588800
    },
    "reserve_plan": "resplan_9KeHaVFoNqMV0myEc2eSrMarMDWgi",
    "source_charge": "ch_0000000000000000",
    "source_type": "card"
  }
}', 0
);
INSERT INTO ledger_balance VALUES (
    1, :platform, :account, 'usd', 0, 8712 * :turn, 0, 968 * :turn, 0, -10000 * :turn,
    320 * :turn, 0
) ON CONFLICT (mode, platform, account, currency, source_type) DO UPDATE SET
    payments_pending = excluded.payments_pending, reserved_pending = excluded.reserved_pending,
    clearing = excluded.clearing, fees = excluded.fees;
INSERT INTO audit_entry VALUES (
    1796000000, 'req_' || :text14, 'key_hfQxYWx3nEHcncIT', 'ledger.charges.create', 1,
    'app_VcGW4Wd6MKVLdjK1', :account, 'ch_' || :text16, NULL
);
INSERT INTO idempotency_record VALUES (
    1, 'app_VcGW4Wd6MKVLdjK1', :account, :bytes16_key, 'ledger.charges.create', :bytes16_parameters,
    'req_' || :text14, 1796000000, :bytes439
);
