-- Differs from SQLite: all at once, as arrays.
UPDATE webhooks SET failing_since = NULL WHERE id = ANY ($1::uuid[]) AND failing_since IS NOT NULL
