-- The signed note that says up to where entries may be gone: pruned alone is a number that whoever
-- writes to this database can raise. A store of the version before has none until a server of this
-- version has seen it.
ALTER TABLE audit_head ADD COLUMN pruned_note TEXT;
