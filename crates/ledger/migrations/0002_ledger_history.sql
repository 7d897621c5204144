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
