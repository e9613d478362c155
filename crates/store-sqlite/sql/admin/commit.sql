-- Only here: see `begin`.
COMMIT
