SELECT i.id, i.workspace_id, i.name, i.created, i.updated, i.unchanged, i.skipped, i.removed, i.created_at, i.finished_at, i.undone_at
FROM prospect_imports i
WHERE i.workspace_id = $1 AND i.id < $2
ORDER BY i.id DESC
LIMIT $3
