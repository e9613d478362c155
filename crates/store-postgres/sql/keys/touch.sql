-- Differs from SQLite: one statement for all of them; the rows are locked in the order of their ids by whoever asks.
UPDATE api_keys k
SET last_used_at = u.at, last_used_from = u.used_from, last_used_by = u.used_by
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[]) AS u (id, at, used_from, used_by)
WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at)
