-- Differs from Postgres: the draft is known to the caller.
SELECT number, origin, reason, generation_id, form, title, '' AS body, words, hash, provenance, created_at
FROM versions
WHERE draft_id = $1 AND workspace_id = $2
ORDER BY number
