-- Differs from SQLite: all at once; they are locked.
DELETE FROM webhook_deliveries d
USING unnest($1::uuid[], $2::uuid[]) AS o (workspace_id, id)
WHERE d.workspace_id = o.workspace_id AND d.id = o.id
