-- Differs from Postgres: SQLite plans a statement once, in the order it is written here.
-- What the items of a job made, in their order; skipped ones name another's draft.
SELECT d.id AS id, d.user_id AS user_id, u.external_id AS user_external, d.recipe AS recipe, d.title AS title,
       d.status AS status, d.review AS review, d.review_reason AS review_reason, d.current_version AS current_version,
       d.version_count AS version_count, d.live_generation_id AS live_generation_id, d.external_id AS external_id,
       d.revision AS revision, d.created_at AS created_at, d.updated_at AS updated_at,
       d.generated_at AS generated_at, d.published_at AS published_at, d.deleted_at AS deleted_at,
       i.seq AS seq
FROM job_items i
CROSS JOIN drafts d ON d.workspace_id = $1 AND d.id = i.draft_id
LEFT JOIN users u ON u.workspace_id = d.workspace_id AND u.id = d.user_id
WHERE i.job_id = $2 AND i.seq < $3 AND i.status <> $4
  AND d.deleted_at IS NULL
  AND ($5 IS NULL OR d.status = $5)
  AND ($6 IS NULL OR d.recipe = $6)
  AND ($7 IS NULL OR d.user_id = $7)
  AND ($8 IS NULL OR d.external_id = $8)
  AND ($9 IS NULL OR d.review = $9)
ORDER BY i.seq DESC
LIMIT $10
