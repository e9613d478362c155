-- Differs from Postgres: SQLite's names of types and functions.
INSERT INTO retention (what, before_at) VALUES ($1, $2)
ON CONFLICT (what) DO UPDATE SET before_at = max(before_at, excluded.before_at)
