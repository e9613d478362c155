-- Differs from Postgres: the row is read after it.
INSERT INTO feedback
    (id, workspace_id, draft_id, version, user_id, recipe, part, heading, vote, comment, created_at, updated_at)
SELECT $1, d.workspace_id, d.id, $2, d.user_id, d.recipe, $3, $4, $5, $6, $7, $7
FROM drafts d
WHERE d.workspace_id = $8 AND d.id = $9
ON CONFLICT (draft_id, version, part) DO UPDATE
SET heading = excluded.heading, vote = excluded.vote, comment = excluded.comment, updated_at = excluded.updated_at
