INSERT INTO sources (
  id, workspace_id, user_id, user_external, kind, name, url, body, schedule, fetched_at, next_at, paused_at, failures,
  fetches, new_items, revision, created_at, updated_at
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0, 1, $13, $13
WHERE (SELECT count(*) FROM sources s WHERE s.workspace_id = $2 AND s.user_id = $3) < $14
ON CONFLICT (id) DO NOTHING
