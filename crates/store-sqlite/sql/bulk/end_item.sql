-- Differs from Postgres: one at a time, in a statement that is prepared already.
UPDATE bulk_items
SET outcome = $1, note_code = $2, note = $3, made_id = $4
WHERE bulk_id = $5 AND item_id = $6 AND outcome = $7
