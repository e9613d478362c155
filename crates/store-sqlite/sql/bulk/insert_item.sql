-- Differs from Postgres: one at a time, in a statement that is prepared already.
INSERT INTO bulk_items (bulk_id, item_id, outcome)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
