-- Differs from SQLite: one statement for all of them; the rows are locked in the order of their ids by whoever asks.
UPDATE sign_ins s
SET last_seen_at = u.at
FROM unnest($1::uuid[], $2::timestamptz[]) AS u (id, at)
WHERE s.id = u.id AND s.last_seen_at < u.at
