-- Whether the processor made a payout by its schedule: 1 or 0, or null until a page says so.
ALTER TABLE ledger_payout ADD COLUMN automatic INTEGER CHECK (automatic IN (0, 1));
