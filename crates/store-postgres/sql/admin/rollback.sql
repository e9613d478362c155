-- Differs from SQLite: see `begin`.
rollback
