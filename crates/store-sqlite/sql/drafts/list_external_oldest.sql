-- Only here: SQLite plans a statement once, so each filter with an index has its own. Left to itself it walks the drafts by
-- their ids, which is the order that is asked for, and compares every one.
SELECT d.id AS id, d.user_id AS user_id, u.external_id AS user_external, d.recipe AS recipe, d.title AS title,
       d.status AS status, d.review AS review, d.review_reason AS review_reason, d.current_version AS current_version,
       d.version_count AS version_count, d.live_generation_id AS live_generation_id, d.external_id AS external_id,
       d.revision AS revision, d.created_at AS created_at, d.updated_at AS updated_at,
       d.generated_at AS generated_at, d.published_at AS published_at, d.deleted_at AS deleted_at
FROM drafts d INDEXED BY drafts_external
LEFT JOIN users u ON u.workspace_id = d.workspace_id AND u.id = d.user_id
WHERE d.workspace_id = $1 AND d.id > $2
  AND d.deleted_at IS NULL
  AND ($3 IS NULL OR d.status = $3)
  AND ($4 IS NULL OR d.recipe = $4)
  AND ($5 IS NULL OR d.user_id = $5)
  AND d.external_id = $6
  AND ($7 IS NULL OR d.review = $7)
ORDER BY d.id ASC
LIMIT $8
