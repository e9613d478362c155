-- Differs from Postgres: spelling only.
SELECT d.id AS id, d.user_id AS user_id, u.external_id AS user_external, d.recipe AS recipe, d.title AS title,
       d.status AS status, d.review AS review, d.review_reason AS review_reason, d.current_version AS current_version,
       d.version_count AS version_count, d.live_generation_id AS live_generation_id, d.external_id AS external_id,
       d.revision AS revision, d.created_at AS created_at, d.updated_at AS updated_at,
       d.generated_at AS generated_at, d.published_at AS published_at, d.deleted_at AS deleted_at
FROM drafts d
LEFT JOIN users u ON u.workspace_id = d.workspace_id AND u.id = d.user_id
WHERE d.id = $1 AND d.workspace_id = $2
