-- Differs from SQLite: all at once; their messages are locked.
DELETE FROM webhook_attempts a
USING unnest($1::uuid[], $2::uuid[]) AS o (workspace_id, delivery_id)
WHERE a.workspace_id = o.workspace_id AND a.delivery_id = o.delivery_id
