-- Differs from SQLite: all at once, as arrays.
UPDATE webhooks e
SET failing_since = f.at
FROM unnest($1::timestamptz[], $2::uuid[]) AS f (at, id)
WHERE e.id = f.id AND e.failing_since IS NULL
