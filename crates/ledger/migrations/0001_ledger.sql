-- Every row belongs to an owner: (mode, platform, account). Its number, seq, grows in the order in
-- which rows are recorded, since every transaction on a ledger locks the ledger's row first.
--
-- source_type: 0 card, 1 bank_account, 2 fpx.
-- bucket: 0 payments pending, 1 payments available, 2 reserved pending, 3 reserved available,
-- 4 clearing with the processor, 5 fees, 6 payouts in transit.

-- A ledger. Its row is the lock of everything that is written to it; last_tx is the number of its
-- last transaction. intake is how its money is told: 0 facts, 1 transactions, null until it is set;
-- since is the time from which on that holds, null for always.
CREATE TABLE ledger (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    last_tx  INTEGER NOT NULL,
    intake   INTEGER CHECK (intake IN (0, 1)),
    since    INTEGER,
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
-- reserved one. application_fee is the part of fee that the platform took. payout is the payout that
-- it is about, or that carried its money. A told one has the processor's id, type (kind), category
-- and exchange rate; its source is empty if the processor named none.
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
    told            INTEGER NOT NULL CHECK (told IN (0, 1)),
    category        TEXT,
    exchange_rate   TEXT,
    payout          TEXT,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX balance_transaction_by_id
    ON balance_transaction (mode, platform, account, id);
CREATE INDEX balance_transaction_by_source
    ON balance_transaction (mode, platform, account, source, seq);
CREATE INDEX balance_transaction_by_payout
    ON balance_transaction (mode, platform, account, payout, seq) WHERE payout IS NOT NULL;
-- What reconciliations subtract: what was created after the balance that they compare.
CREATE INDEX balance_transaction_by_created
    ON balance_transaction (mode, platform, account, created) WHERE reserved = 0;

-- These three tables are append-only: a correction is another row. Of a balance transaction the
-- processor may move the date, and name the payout later; nothing else of it changes.
CREATE TRIGGER ledger_entry_is_never_changed BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never changed'); END;
CREATE TRIGGER ledger_entry_is_never_deleted BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never deleted'); END;
CREATE TRIGGER ledger_posting_is_never_changed BEFORE UPDATE ON ledger_posting
BEGIN SELECT RAISE(ABORT, 'a posting is never changed'); END;
CREATE TRIGGER ledger_posting_is_never_deleted BEFORE DELETE ON ledger_posting
BEGIN SELECT RAISE(ABORT, 'a posting is never deleted'); END;
CREATE TRIGGER balance_transaction_is_never_changed BEFORE UPDATE OF
    seq, id, entry, kind, currency, reserved, pending, amount, fee, application_fee, created, told
    ON balance_transaction
BEGIN SELECT RAISE(ABORT, 'a balance transaction is never changed'); END;
CREATE TRIGGER balance_transaction_is_never_deleted BEFORE DELETE ON balance_transaction
BEGIN SELECT RAISE(ABORT, 'a balance transaction is never deleted'); END;

-- A charge, as the platform reported it. fee is null until it is reported. pending is the part of
-- its money that waits for available_on, in payments or reserved; settled is 1 once it came.
-- by_transaction is 1 if transactions told its money, which then wait in its place.
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
    by_transaction  INTEGER NOT NULL CHECK (by_transaction IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq),
    CHECK (by_transaction = 0 OR pending = 0)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_charge_by_id ON ledger_charge (mode, platform, account, id);
CREATE INDEX ledger_charge_by_availability
    ON ledger_charge (available_on, mode, platform, account, seq)
    WHERE settled = 0 AND by_transaction = 0;

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

-- A transaction of the processor's balance, as it was told. kind is what the ledger makes of it:
-- 0 charge, 1 refund, 2 failure, 3 dispute, 4 reinstatement, 5 refund_failure, 6 payout,
-- 7 payout_return, 8 adjustment. record is the id of the object that it made or extended. posted is
-- 0 if its balance_type is not ours to post; settled is 0 while its net waits for available_on.
-- pool_told is 0 if source_type follows from its charge or payout. parked is 1 while the charge, or
-- the payout that was asked for, is not known; recorded is when it was told, announced 1 once an
-- event said that it has been parked for long. drawn is what it took of its charge's reserve.
CREATE TABLE ledger_transaction (
    mode            INTEGER NOT NULL,
    platform        TEXT    NOT NULL,
    account         TEXT    NOT NULL,
    seq             INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    type            TEXT    NOT NULL,
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 8),
    amount          INTEGER NOT NULL,
    fee             INTEGER NOT NULL,
    application_fee INTEGER NOT NULL,
    currency        TEXT    NOT NULL,
    source_type     INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    pool_told       INTEGER NOT NULL CHECK (pool_told IN (0, 1)),
    created         INTEGER NOT NULL,
    available_on    INTEGER NOT NULL,
    balance_type    TEXT    NOT NULL,
    category        TEXT,
    source          TEXT,
    charge          TEXT,
    source_transfer TEXT,
    payout          TEXT,
    payout_request  TEXT,
    exchange_rate   TEXT,
    record          TEXT    NOT NULL,
    drawn           INTEGER NOT NULL CHECK (drawn >= 0),
    posted          INTEGER NOT NULL CHECK (posted IN (0, 1)),
    settled         INTEGER NOT NULL CHECK (settled IN (0, 1)),
    parked          INTEGER NOT NULL CHECK (parked IN (0, 1)),
    recorded        INTEGER NOT NULL,
    announced       INTEGER NOT NULL CHECK (announced IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq),
    CHECK (posted = 1 OR settled = 1)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_transaction_by_id ON ledger_transaction (mode, platform, account, id);
CREATE INDEX ledger_transaction_by_availability
    ON ledger_transaction (available_on, mode, platform, account, seq) WHERE settled = 0;
-- What a charge or an asking payout looks for when it comes.
CREATE INDEX ledger_transaction_by_charge
    ON ledger_transaction (mode, platform, account, charge, created, seq)
    WHERE charge IS NOT NULL;
CREATE INDEX ledger_transaction_by_request
    ON ledger_transaction (mode, platform, account, payout_request)
    WHERE payout_request IS NOT NULL;
CREATE INDEX ledger_transaction_parked
    ON ledger_transaction (mode, platform, account, seq) WHERE parked = 1;
CREATE INDEX ledger_transaction_to_announce
    ON ledger_transaction (recorded, mode, platform, account, seq)
    WHERE parked = 1 AND announced = 0;

CREATE TRIGGER ledger_transaction_is_never_deleted BEFORE DELETE ON ledger_transaction
BEGIN SELECT RAISE(ABORT, 'a told transaction is never deleted'); END;
CREATE TRIGGER ledger_transaction_figures_stay BEFORE UPDATE OF
    seq, id, type, kind, amount, fee, application_fee, currency, created, balance_type, recorded
    ON ledger_transaction
BEGIN SELECT RAISE(ABORT, 'the figures of a told transaction are never changed'); END;
