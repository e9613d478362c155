-- Differs from Postgres: SQLite plans a statement once, so the filter with an index has its own.
SELECT i.item_id, i.outcome, i.note_code, i.note, i.made_id
FROM bulk_items i
WHERE i.bulk_id = $1 AND i.item_id > $2
ORDER BY i.item_id ASC
LIMIT $3
