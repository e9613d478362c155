INSERT INTO prospect_imports (workspace_id, id, name, created, updated, unchanged, skipped, removed, created_at, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)
ON CONFLICT (workspace_id, id) DO UPDATE
SET created = prospect_imports.created + excluded.created, updated = prospect_imports.updated + excluded.updated,
    unchanged = prospect_imports.unchanged + excluded.unchanged, skipped = prospect_imports.skipped + excluded.skipped,
    finished_at = excluded.finished_at
