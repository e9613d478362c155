-- Only here: see `begin`.
ROLLBACK
