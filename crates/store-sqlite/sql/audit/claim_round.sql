-- Differs from Postgres: SQLite's names of types and functions.
-- No row when another node audits.
INSERT INTO audit_round (
    id, node_id, held_until, began_at, ended_at, rounds, space, after_place, fresh_place, proved, proved_before
)
VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE SET node_id = excluded.node_id, held_until = excluded.held_until
WHERE audit_round.node_id = excluded.node_id OR audit_round.held_until <= $11
RETURNING began_at, ended_at, rounds, space, after_place, fresh_place, proved, proved_before
