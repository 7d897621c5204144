-- Every row belongs to an owner: (mode, platform, account). Its number, seq, grows in the order in
-- which rows were recorded, since whoever writes to a ledger holds the ledger's row.
--
-- source_type: 0 card, 1 bank_account, 2 fpx.
-- bucket: 0 payments pending, 1 payments available, 2 reserved pending, 3 reserved available,
-- 4 clearing with the processor, 5 fees, 6 payouts in transit.

-- A ledger. Its row is the lock of all that is written to it, and counts the turns.
CREATE TABLE ledger (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    turn     INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account)
) WITHOUT ROWID;

-- What happened: the postings with its number are its bookkeeping.
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

-- Money that went from one bucket to another. It sums to zero because it cannot do otherwise.
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

-- What the buckets of a pool hold: the sums of its postings, kept with each of them.
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

-- An entry as its account sees it: what it did to the payments balance, or to the reserved one.
-- application_fee is the part of fee that the platform took.
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

-- A correction is another row: these three tables only grow.
CREATE TRIGGER ledger_entry_is_never_changed BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never changed'); END;
CREATE TRIGGER ledger_entry_is_never_deleted BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never deleted'); END;
CREATE TRIGGER ledger_posting_is_never_changed BEFORE UPDATE ON ledger_posting
BEGIN SELECT RAISE(ABORT, 'a posting is never changed'); END;
CREATE TRIGGER ledger_posting_is_never_deleted BEFORE DELETE ON ledger_posting
BEGIN SELECT RAISE(ABORT, 'a posting is never deleted'); END;
CREATE TRIGGER balance_transaction_is_never_changed BEFORE UPDATE ON balance_transaction
BEGIN SELECT RAISE(ABORT, 'a balance transaction is never changed'); END;
CREATE TRIGGER balance_transaction_is_never_deleted BEFORE DELETE ON balance_transaction
BEGIN SELECT RAISE(ABORT, 'a balance transaction is never deleted'); END;

-- A charge, as the processor told it. fee is null until it was told. pending is what still waits
-- for available_on of its money, be it in payments or reserved; settled says that it came.
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

-- A refund. drawn is what came from its charge's holds, from_pending what it took of its charge's
-- pending money.
CREATE TABLE ledger_refund (
    mode         INTEGER NOT NULL,
    platform     TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    seq          INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    charge       TEXT    NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount > 0),
    currency     TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    drawn        INTEGER NOT NULL CHECK (drawn BETWEEN 0 AND amount),
    from_pending INTEGER NOT NULL CHECK (from_pending BETWEEN 0 AND amount),
    failed       INTEGER NOT NULL CHECK (failed IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_refund_by_id ON ledger_refund (mode, platform, account, id);
CREATE INDEX ledger_refund_by_charge ON ledger_refund (mode, platform, account, charge, seq);

-- A dispute whose funds were withdrawn. status: 0 open, 1 won, 2 lost.
CREATE TABLE ledger_dispute (
    mode         INTEGER NOT NULL,
    platform     TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    seq          INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    charge       TEXT    NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount > 0),
    currency     TEXT    NOT NULL,
    fee          INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    drawn        INTEGER NOT NULL CHECK (drawn BETWEEN 0 AND amount),
    from_pending INTEGER NOT NULL CHECK (from_pending BETWEEN 0 AND amount),
    status       INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    fee_returned INTEGER NOT NULL CHECK (fee_returned IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_dispute_by_id ON ledger_dispute (mode, platform, account, id);
CREATE INDEX ledger_dispute_by_charge ON ledger_dispute (mode, platform, account, charge, seq);

-- A payout. status: 0 in transit, 1 paid, 2 failed, 3 canceled.
CREATE TABLE ledger_payout (
    mode        INTEGER NOT NULL,
    platform    TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount > 0),
    currency    TEXT    NOT NULL,
    source_type INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    reported    INTEGER NOT NULL CHECK (reported IN (0, 1)),
    created     INTEGER NOT NULL,
    status      INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3),
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_payout_by_id ON ledger_payout (mode, platform, account, id);

-- A payout that was told and took more than was available, which it left below zero.
CREATE TABLE ledger_breach (
    mode            INTEGER NOT NULL,
    platform        TEXT    NOT NULL,
    account         TEXT    NOT NULL,
    seq             INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    payout          TEXT    NOT NULL,
    amount          INTEGER NOT NULL,
    currency        TEXT    NOT NULL,
    source_type     INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    available_after INTEGER NOT NULL CHECK (available_after < 0),
    created         INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_breach_by_id ON ledger_breach (mode, platform, account, id);
