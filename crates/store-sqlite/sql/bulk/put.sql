UPDATE bulk_list
SET status = $1, walk = $2, total = $3, open = $4, done = $5, skipped = $6, failed = $7, note_code = $8, note = $9,
    updated_at = $10, finished_at = $11, told_at = $12
WHERE id = $13
