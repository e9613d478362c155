-- Differs from Postgres: SQLite's names of types and functions.
-- Seeks: the next one of which there is a call or a total.
SELECT min(w.id) FROM (
    SELECT min(workspace_id) AS id FROM calls WHERE workspace_id > $1 AND workspace_id <= $2
    UNION ALL SELECT min(workspace_id) FROM usage_series WHERE workspace_id > $1 AND workspace_id <= $2
) w
WHERE w.id IS NOT NULL
