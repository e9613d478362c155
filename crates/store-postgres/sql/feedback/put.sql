-- Differs from SQLite: answers with the row, and names the types of its parameters.
INSERT INTO feedback
    (id, workspace_id, draft_id, version, user_id, recipe, part, heading, vote, comment, created_at, updated_at)
SELECT $1::uuid, d.workspace_id, d.id, $2::bigint, d.user_id, d.recipe, $3::text, $4::text, $5::text, $6::text,
       $7::timestamptz, $7
FROM drafts d
WHERE d.workspace_id = $8 AND d.id = $9
ON CONFLICT (draft_id, version, part) DO UPDATE
SET heading = excluded.heading, vote = excluded.vote, comment = excluded.comment, updated_at = excluded.updated_at
RETURNING id, draft_id, version, recipe, user_id, part, heading, vote, comment, created_at, updated_at
