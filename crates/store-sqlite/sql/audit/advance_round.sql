-- Differs from Postgres: SQLite's names of types and functions.
UPDATE audit_round
SET began_at = $1, ended_at = $2, rounds = $3, space = $4, after_place = $5, fresh_place = $6, proved = $7,
    proved_before = $8
WHERE node_id = $9
