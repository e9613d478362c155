-- Differs from Postgres: SQLite's names of types and functions.
SELECT began_at, ended_at, rounds, space, after_place, fresh_place, proved, proved_before FROM audit_round
