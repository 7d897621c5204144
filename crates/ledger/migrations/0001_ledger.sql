-- Every row belongs to an owner: (mode, platform, account). Its number, seq, grows in the order in
-- which rows are recorded, since every transaction on a ledger locks the ledger's row first.
--
-- source_type: 0 card, 1 bank_account, 2 fpx.
-- bucket: 0 payments pending, 1 payments available, 2 reserved pending, 3 reserved available,
-- 4 clearing with the processor, 5 fees, 6 payouts in transit.

-- A ledger. Its row is the lock of everything that is written to it; last_tx is the number of its
-- last transaction, and last_at the latest time at which one took place. intake is how its money is
-- told: 0 facts, 1 transactions, null until it is set; since is the time from which on that holds,
-- null for always.
CREATE TABLE ledger (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    last_tx  INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
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
-- reserved one. application_fee is the part of fee that the platform took. payout is the payout
-- that it is about, or that carried its money. A told one has the processor's id, type (kind),
-- category and exchange rate; its source is empty if the processor named none.
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
-- What they tolerate: what becomes available about that time.
CREATE INDEX balance_transaction_by_availability
    ON balance_transaction (mode, platform, account, available_on)
    WHERE reserved = 0 AND pending = 1;

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
-- by_transaction is 1 if transactions told its money, which then wait in its place. What begins
-- with told_ is what was told first, null while the column without it holds a default.
CREATE TABLE ledger_charge (
    mode                 INTEGER NOT NULL,
    platform             TEXT    NOT NULL,
    account              TEXT    NOT NULL,
    seq                  INTEGER NOT NULL,
    id                   TEXT    NOT NULL,
    amount               INTEGER NOT NULL CHECK (amount > 0),
    currency             TEXT    NOT NULL,
    fee                  INTEGER,
    application_fee      INTEGER NOT NULL,
    source_type          INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    source_transfer      TEXT,
    created              INTEGER NOT NULL,
    available_on         INTEGER NOT NULL,
    refunded             INTEGER NOT NULL,
    disputed             INTEGER NOT NULL CHECK (disputed IN (0, 1)),
    pending              INTEGER NOT NULL,
    settled              INTEGER NOT NULL CHECK (settled IN (0, 1)),
    by_transaction       INTEGER NOT NULL CHECK (by_transaction IN (0, 1)),
    told_fee             INTEGER,
    told_application_fee INTEGER,
    told_source_type     INTEGER,
    told_created         INTEGER,
    told_available_on    INTEGER,
    PRIMARY KEY (mode, platform, account, seq),
    CHECK (by_transaction = 0 OR pending = 0)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_charge_by_id ON ledger_charge (mode, platform, account, id);
CREATE INDEX ledger_charge_by_availability
    ON ledger_charge (available_on, mode, platform, account, seq)
    WHERE settled = 0 AND by_transaction = 0;

-- A refund. amount is 0 if only its failure was told so far. consumed is what it took of its
-- charge's reserve; from_pending is what it took of its charge's pending money, less what came back
-- there. failed_amount is what came back. parked is 1 while its charge is not known; charge is null
-- if a transaction names none.
CREATE TABLE ledger_refund (
    mode          INTEGER NOT NULL,
    platform      TEXT    NOT NULL,
    account       TEXT    NOT NULL,
    seq           INTEGER NOT NULL,
    id            TEXT    NOT NULL,
    charge        TEXT,
    amount        INTEGER NOT NULL CHECK (amount >= 0),
    currency      TEXT    NOT NULL,
    source_type   INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    created       INTEGER NOT NULL,
    consumed      INTEGER NOT NULL CHECK (consumed >= 0),
    from_pending  INTEGER NOT NULL CHECK (from_pending >= 0),
    failed_amount INTEGER NOT NULL CHECK (failed_amount >= 0),
    parked        INTEGER NOT NULL CHECK (parked IN (0, 1)),
    told_created  INTEGER,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_refund_by_id ON ledger_refund (mode, platform, account, id);
CREATE INDEX ledger_refund_by_charge ON ledger_refund (mode, platform, account, charge, seq);

-- A dispute. withdrawn and reinstated are the sums of its movements; amount is what the first
-- telling of it named. fee is the sum of its fees. status: 0 open, 1 won, 2 lost; status_created is
-- the time of the word, null if the word came without one. The rest is as in a refund.
CREATE TABLE ledger_dispute (
    mode           INTEGER NOT NULL,
    platform       TEXT    NOT NULL,
    account        TEXT    NOT NULL,
    seq            INTEGER NOT NULL,
    id             TEXT    NOT NULL,
    charge         TEXT,
    amount         INTEGER NOT NULL CHECK (amount >= 0),
    currency       TEXT    NOT NULL,
    source_type    INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    fee            INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    consumed       INTEGER NOT NULL CHECK (consumed >= 0),
    from_pending   INTEGER NOT NULL CHECK (from_pending >= 0),
    withdrawn      INTEGER NOT NULL CHECK (withdrawn >= 0),
    reinstated     INTEGER NOT NULL CHECK (reinstated >= 0),
    status         INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    status_created INTEGER,
    fee_returned   INTEGER NOT NULL CHECK (fee_returned IN (0, 1)),
    moved          INTEGER NOT NULL CHECK (moved IN (0, 1)),
    parked         INTEGER NOT NULL CHECK (parked IN (0, 1)),
    told_fee       INTEGER,
    told_created   INTEGER,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_dispute_by_id ON ledger_dispute (mode, platform, account, id);
CREATE INDEX ledger_dispute_by_charge ON ledger_dispute (mode, platform, account, charge, seq);

-- What happened to a refund or a dispute later, under an id of its own. kind: 0 the failure of a
-- refund, 1 a movement of a dispute. amount is signed: negative if money was withdrawn.
CREATE TABLE ledger_movement (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    kind     INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 1),
    parent   TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    amount   INTEGER NOT NULL,
    fee      INTEGER NOT NULL,
    consumed INTEGER NOT NULL CHECK (consumed >= 0),
    created  INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_movement_by_id
    ON ledger_movement (mode, platform, account, kind, parent, id);

-- A fact whose charge is not known: its money is posted, what it takes of the charge's reserve
-- waits. kind: 0 a refund, 1 a dispute, 2 an adjustment. recorded is when it was told, announced 1
-- once an event said that it has waited for long. seq is the fact's.
CREATE TABLE ledger_parked (
    mode      INTEGER NOT NULL,
    platform  TEXT    NOT NULL,
    account   TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    kind      INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    id        TEXT    NOT NULL,
    charge    TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    recorded  INTEGER NOT NULL,
    announced INTEGER NOT NULL CHECK (announced IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE INDEX ledger_parked_by_id ON ledger_parked (mode, platform, account, id);
CREATE INDEX ledger_parked_by_charge
    ON ledger_parked (mode, platform, account, charge, created, seq);
CREATE INDEX ledger_parked_to_announce
    ON ledger_parked (recorded, mode, platform, account, seq) WHERE announced = 0;

-- A payout. reported is 1 if it had taken place before it was recorded. processor_id is the
-- processor's id of one that was asked for under another. status: 0 in transit, 1 paid, 2 failed,
-- 3 canceled. fee is null until it is told. What begins with told_ is what was told first.
-- by_transaction is 1 once a transaction of the processor has told its money.
CREATE TABLE ledger_payout (
    mode              INTEGER NOT NULL,
    platform          TEXT    NOT NULL,
    account           TEXT    NOT NULL,
    seq               INTEGER NOT NULL,
    id                TEXT    NOT NULL,
    processor_id      TEXT,
    amount            INTEGER NOT NULL CHECK (amount > 0),
    currency          TEXT    NOT NULL,
    source_type       INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    reported          INTEGER NOT NULL CHECK (reported IN (0, 1)),
    fee               INTEGER,
    created           INTEGER NOT NULL,
    arrival_date      INTEGER,
    status            INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3),
    told_fee          INTEGER,
    told_created      INTEGER,
    told_arrival_date INTEGER,
    by_transaction    INTEGER NOT NULL CHECK (by_transaction IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_payout_by_id ON ledger_payout (mode, platform, account, id);
CREATE UNIQUE INDEX ledger_payout_by_processor_id
    ON ledger_payout (mode, platform, account, processor_id) WHERE processor_id IS NOT NULL;
-- Payouts that are still asked for, among which one that is reported finds its own.
CREATE INDEX ledger_payout_asked
    ON ledger_payout (mode, platform, account, amount, created)
    WHERE reported = 0 AND processor_id IS NULL;
-- What the sweep looks for: payouts that should have arrived.
CREATE INDEX ledger_payout_by_arrival
    ON ledger_payout (arrival_date, mode, platform, account, seq)
    WHERE status = 0 AND arrival_date IS NOT NULL;

-- Money that comes or goes without a charge, a refund, a dispute or a payout. amount is signed, fee
-- is what was taken of it. pending is what of it waits for available_on. source is the id of the
-- object behind it. draws is 1 if it takes from its charge's reserve first.
CREATE TABLE ledger_adjustment (
    mode              INTEGER NOT NULL,
    platform          TEXT    NOT NULL,
    account           TEXT    NOT NULL,
    seq               INTEGER NOT NULL,
    id                TEXT    NOT NULL,
    amount            INTEGER NOT NULL,
    fee               INTEGER NOT NULL,
    currency          TEXT    NOT NULL,
    type              TEXT    NOT NULL,
    category          TEXT,
    source_type       INTEGER NOT NULL CHECK (source_type BETWEEN 0 AND 2),
    source            TEXT,
    charge            TEXT,
    payout            TEXT,
    draws             INTEGER NOT NULL CHECK (draws IN (0, 1)),
    consumed          INTEGER NOT NULL CHECK (consumed >= 0),
    created           INTEGER NOT NULL,
    available_on      INTEGER NOT NULL,
    pending           INTEGER NOT NULL,
    settled           INTEGER NOT NULL CHECK (settled IN (0, 1)),
    by_transaction    INTEGER NOT NULL CHECK (by_transaction IN (0, 1)),
    parked            INTEGER NOT NULL CHECK (parked IN (0, 1)),
    told_type         TEXT,
    told_source_type  INTEGER,
    told_created      INTEGER,
    told_available_on INTEGER,
    PRIMARY KEY (mode, platform, account, seq),
    CHECK (by_transaction = 0 OR pending = 0)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_adjustment_by_id ON ledger_adjustment (mode, platform, account, id);
CREATE INDEX ledger_adjustment_by_availability
    ON ledger_adjustment (available_on, mode, platform, account, seq)
    WHERE settled = 0 AND by_transaction = 0;

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
-- What reconciliations compare with the processor's list.
CREATE INDEX ledger_transaction_by_created
    ON ledger_transaction (mode, platform, account, created, seq) WHERE posted = 1;
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

-- A comparison of a ledger with the balance that the processor told. differences are what was
-- found, as the JSON that is shown. It is kept for a year.
CREATE TABLE ledger_reconciliation (
    mode               INTEGER NOT NULL,
    platform           TEXT    NOT NULL,
    account            TEXT    NOT NULL,
    seq                INTEGER NOT NULL,
    id                 TEXT    NOT NULL,
    created            INTEGER NOT NULL,
    as_of              INTEGER NOT NULL,
    matches            INTEGER NOT NULL CHECK (matches IN (0, 1)),
    differences        TEXT    NOT NULL,
    latest_transaction TEXT,
    parked             INTEGER NOT NULL CHECK (parked >= 0),
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_reconciliation_by_id
    ON ledger_reconciliation (mode, platform, account, id);

-- By how much a currency differs from the processor's since when. announced is 1 once an event said
-- so.
CREATE TABLE ledger_drift (
    mode       INTEGER NOT NULL,
    platform   TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    currency   TEXT    NOT NULL,
    difference INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    announced  INTEGER NOT NULL CHECK (announced IN (0, 1)),
    PRIMARY KEY (mode, platform, account, currency)
) WITHOUT ROWID;

-- What somebody should look at although the books are right. kind: 0 a conflicting repetition,
-- 1 refunds above their charge, 2 a charge that is refunded and disputed, 3 the processor's own
-- reserve, 4 facts beside transactions. There is one of each kind about one object.
CREATE TABLE ledger_warning (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    id       TEXT    NOT NULL,
    kind     INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4),
    about    TEXT    NOT NULL,
    param    TEXT,
    created  INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX ledger_warning_by_id ON ledger_warning (mode, platform, account, id);
CREATE UNIQUE INDEX ledger_warning_by_object
    ON ledger_warning (mode, platform, account, kind, about);
