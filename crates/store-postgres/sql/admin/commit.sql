-- Differs from SQLite: see `begin`.
commit
