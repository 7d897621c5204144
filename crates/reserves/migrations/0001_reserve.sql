-- A plan: what share of each charge is reserved, and until when. scheduled_release is set for fixed
-- plans, which release everything at one date; days_after_charge for rolling ones. ends_at is when
-- the plan expires. announcing is 1 while events about the plan's new date are still to be emitted
-- for some of its holds. draw is which money its holds' refunds and disputes take first, null for
-- what the operator set; hold_transfers is 0 if it holds nothing of charges that stand for the
-- platform's transfers, null if nobody said.
CREATE TABLE reserve_plan (
    mode                 INTEGER NOT NULL,
    platform             TEXT    NOT NULL,
    account              TEXT    NOT NULL,
    seq                  INTEGER NOT NULL,
    id                   TEXT    NOT NULL,
    created              INTEGER NOT NULL,
    currency             TEXT,
    percent              INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
    type                 TEXT    NOT NULL,
    release_after        INTEGER,
    scheduled_release    INTEGER,
    days_after_charge    INTEGER,
    ends_at              INTEGER,
    state                TEXT    NOT NULL,
    disable_requested_at INTEGER,
    drained_at           INTEGER,
    announcing           INTEGER NOT NULL CHECK (announcing IN (0, 1)),
    metadata             TEXT    NOT NULL,
    draw                 TEXT CHECK (draw IN ('first', 'only_if_needed')),
    hold_transfers       INTEGER CHECK (hold_transfers IN (0, 1)),
    PRIMARY KEY (mode, platform, account, seq),
    CHECK (type = 'fixed_release'
               AND release_after IS NOT NULL AND scheduled_release IS NOT NULL
               AND days_after_charge IS NULL AND ends_at = scheduled_release
           OR type = 'rolling_release'
               AND release_after IS NULL AND scheduled_release IS NULL
               AND days_after_charge IS NOT NULL
           OR type = 'manual_release'
               AND release_after IS NULL AND scheduled_release IS NULL
               AND days_after_charge IS NULL AND ends_at IS NULL),
    CHECK (state IN ('active', 'expired')
               AND disable_requested_at IS NULL AND drained_at IS NULL
           OR state = 'draining'
               AND disable_requested_at IS NOT NULL AND drained_at IS NULL
           OR state = 'disabled'
               AND disable_requested_at IS NOT NULL AND drained_at IS NOT NULL)
) WITHOUT ROWID;

CREATE UNIQUE INDEX reserve_plan_by_id ON reserve_plan (mode, platform, account, id);

-- What a charge looks for: plans that are not disabled. An expired one still applies to charges
-- that were created before its end.
CREATE INDEX reserve_plan_applying ON reserve_plan (mode, platform, account, seq)
    WHERE state IN ('active', 'expired');

-- What the scheduled tasks look for: plans whose end has come, plans that drain, plans whose new
-- date is to be announced.
CREATE INDEX reserve_plan_ending ON reserve_plan (ends_at, mode, platform, account, seq)
    WHERE state = 'active';
CREATE INDEX reserve_plan_draining ON reserve_plan
    (disable_requested_at, mode, platform, account, seq) WHERE state = 'draining';
CREATE INDEX reserve_plan_announcing ON reserve_plan (mode, platform, account, seq)
    WHERE announcing = 1;

-- A hold. It is released at scheduled_release; where that is null, at its fixed plan's date, of
-- which announced_release is what the hold's last event said. charge is the processor's id.
-- pending is 1 while its charge's money is.
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

-- The holds that are due, in the order in which they are released.
CREATE INDEX reserve_hold_due ON reserve_hold
    (scheduled_release, mode, platform, account, currency, plan, seq)
    WHERE scheduled_release IS NOT NULL AND released < amount;

-- A plan's holds that are not released: by announced date, so that those whose announcement is out
-- of date are found.
CREATE INDEX reserve_hold_left ON reserve_hold
    (mode, platform, account, plan, announced_release, currency, seq)
    WHERE plan IS NOT NULL AND released < amount;

-- A release: of one hold, whose id it then has, or of many at once.
CREATE TABLE reserve_release (
    mode        INTEGER NOT NULL,
    platform    TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount > 0),
    currency    TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    hold        TEXT,
    plan        TEXT,
    source_type TEXT CHECK (source_type IN ('refund', 'dispute')),
    source      TEXT,
    metadata    TEXT    NOT NULL,
    PRIMARY KEY (mode, platform, account, seq),
    CHECK ((source IS NULL) = (source_type IS NULL))
) WITHOUT ROWID;

CREATE UNIQUE INDEX reserve_release_by_id ON reserve_release (mode, platform, account, id);
CREATE INDEX reserve_release_by_plan ON reserve_release (mode, platform, account, plan, seq)
    WHERE plan IS NOT NULL;

-- What a refund or a dispute took, which comes back when it fails or is won.
CREATE INDEX reserve_release_by_source ON reserve_release (mode, platform, account, source, seq)
    WHERE source IS NOT NULL;

-- An allocation: how much of a release came from which hold.
CREATE TABLE reserve_allocation (
    mode     INTEGER NOT NULL,
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    hold     INTEGER NOT NULL,
    release  INTEGER NOT NULL,
    amount   INTEGER NOT NULL CHECK (amount > 0),
    PRIMARY KEY (mode, platform, account, hold, release)
) WITHOUT ROWID;

CREATE INDEX reserve_allocation_by_release ON reserve_allocation
    (mode, platform, account, release, hold);

-- A release is final: it is never undone, and nothing of it but its metadata changes.
CREATE TRIGGER reserve_release_stays BEFORE DELETE ON reserve_release
BEGIN SELECT RAISE(ABORT, 'releases are never deleted'); END;
CREATE TRIGGER reserve_release_is_fixed BEFORE UPDATE OF
    seq, id, created, amount, currency, reason, hold, plan, source_type, source
    ON reserve_release
BEGIN SELECT RAISE(ABORT, 'releases are never changed'); END;
CREATE TRIGGER reserve_allocation_stays BEFORE DELETE ON reserve_allocation
BEGIN SELECT RAISE(ABORT, 'releases are never deleted'); END;
CREATE TRIGGER reserve_allocation_is_fixed BEFORE UPDATE ON reserve_allocation
BEGIN SELECT RAISE(ABORT, 'releases are never changed'); END;

-- What a plan was from a time on: a row for each change of its share, its terms or its state. seq
-- is a number of the ledger, so that what a hold was made by is the last version before it.
CREATE TABLE reserve_plan_version (
    mode              INTEGER NOT NULL,
    platform          TEXT    NOT NULL,
    account           TEXT    NOT NULL,
    plan              INTEGER NOT NULL,
    version           INTEGER NOT NULL,
    seq               INTEGER NOT NULL,
    at                INTEGER NOT NULL,
    percent           INTEGER NOT NULL,
    type              TEXT    NOT NULL,
    release_after     INTEGER,
    scheduled_release INTEGER,
    days_after_charge INTEGER,
    ends_at           INTEGER,
    state             TEXT    NOT NULL,
    PRIMARY KEY (mode, platform, account, plan, version)
) WITHOUT ROWID;

CREATE TRIGGER reserve_plan_version_stays BEFORE DELETE ON reserve_plan_version
BEGIN SELECT RAISE(ABORT, 'versions of plans are never deleted'); END;
CREATE TRIGGER reserve_plan_version_is_fixed BEFORE UPDATE ON reserve_plan_version
BEGIN SELECT RAISE(ABORT, 'versions of plans are never changed'); END;

-- The dates of which an alert said that holds are past them.
CREATE TABLE reserve_overdue (
    mode              INTEGER NOT NULL,
    platform          TEXT    NOT NULL,
    account           TEXT    NOT NULL,
    currency          TEXT    NOT NULL,
    scheduled_release INTEGER NOT NULL,
    at                INTEGER NOT NULL,
    PRIMARY KEY (mode, platform, account, currency, scheduled_release)
) WITHOUT ROWID;
