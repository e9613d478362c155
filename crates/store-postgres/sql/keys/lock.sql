-- Only here: SQLite has one writer. Two who give up the last two keys that manage keys must not both see the other one.
SELECT id FROM api_keys WHERE workspace_id = $1 AND manages_keys ORDER BY id FOR UPDATE
