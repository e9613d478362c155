-- Differs from Postgres: the draft and its number are known to the caller.
SELECT number, origin, reason, generation_id, form, title, body AS body, words, hash, provenance, created_at
FROM versions
WHERE draft_id = $1 AND workspace_id = $2
  AND number = coalesce($3, (SELECT current_version FROM drafts WHERE id = $1 AND workspace_id = $2))
