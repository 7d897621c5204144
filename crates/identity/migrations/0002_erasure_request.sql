-- Which request asked for an erasure: a tenant that was erased may live again and be erased again,
-- and whoever is still at the first erasure must not take the second for it.
ALTER TABLE erasure ADD COLUMN request TEXT NOT NULL DEFAULT '';
