-- Every row belongs to an owner: (mode, platform, account). Its number, seq, grows in the order in
-- which rows are recorded, since every transaction on a ledger locks the ledger's row first.
--
-- source_type: 0 card, 1 bank_account, 2 fpx.
-- bucket: 0 payments pending, 1 payments available, 2 reserved pending, 3 reserved available,
-- 4 clearing with the processor, 5 fees, 6 payouts in transit.

-- A ledger. Its row is the lock of everything that is written to it; last_tx is the number of its
-- last transaction, and last_at the latest time at which one took place.
CREATE TABLE ledger (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    last_tx  INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account)
) WITHOUT ROWID;

-- A journal entry: the postings with its number are what it moved.
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

-- A posting: money that went from one bucket to another. It sums to zero by its shape.
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

-- The balances of a pool's buckets: the sums of its postings, written in the same transaction.
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

-- A balance transaction: what an entry did to the payments balance of its account, or to the
-- reserved one. application_fee is the part of fee that the platform took.
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

-- These three tables are append-only: a correction is another row.
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

-- A charge, as the platform reported it. fee is null until it is reported. pending is the part of
-- its money that waits for available_on, in payments or reserved; settled is 1 once it came.
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

-- A refund. consumed is what it took of its charge's reserve, from_pending what it took of its
-- charge's pending money.
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
    consumed     INTEGER NOT NULL CHECK (consumed BETWEEN 0 AND amount),
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
    consumed     INTEGER NOT NULL CHECK (consumed BETWEEN 0 AND amount),
    from_pending INTEGER NOT NULL CHECK (from_pending BETWEEN 0 AND amount),
    status       INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    fee_returned INTEGER NOT NULL CHECK (fee_returned IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_dispute_by_id ON ledger_dispute (mode, platform, account, id);
CREATE INDEX ledger_dispute_by_charge ON ledger_dispute (mode, platform, account, charge, seq);

-- A payout. reported is 1 if it had taken place before it was recorded. status: 0 in transit,
-- 1 paid, 2 failed, 3 canceled.
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

-- A reported payout that took more than was available, which it left below zero.
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

-- What a pool's balance was: a row for each second in which it changed, so that the balance at any
-- moment is the last row up to it, which the primary key finds. at never goes back within a ledger,
-- also if the clock does. last_tx is the ledger's transaction that the row was last written by.
CREATE TABLE ledger_balance_at (
    mode               INTEGER NOT NULL,
    platform           TEXT    NOT NULL,
    account            TEXT    NOT NULL,
    currency           TEXT    NOT NULL,
    source_type        INTEGER NOT NULL,
    at                 INTEGER NOT NULL,
    last_tx            INTEGER NOT NULL,
    payments_pending   INTEGER NOT NULL,
    payments_available INTEGER NOT NULL,
    reserved_pending   INTEGER NOT NULL,
    reserved_available INTEGER NOT NULL,
    payouts_in_transit INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, currency, source_type, at)
) WITHOUT ROWID;

-- Other sums by currency, of which each has a row for each second in which it changed, too.
-- figure 0: what can still be disputed of the charges that were created on the day that begins at
-- item. 1: what is held until the midnight item. 2: what is held until the date of the plan whose
-- number is item.
CREATE TABLE ledger_figure_at (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    figure   INTEGER NOT NULL CHECK (figure BETWEEN 0 AND 2),
    currency TEXT    NOT NULL,
    item     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    amount   INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, figure, currency, item, at)
) WITHOUT ROWID;
