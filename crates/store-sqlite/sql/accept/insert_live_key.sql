INSERT INTO live_keys (workspace_id, dedupe_key, generation_id, draft_id) VALUES ($1, $2, $3, $4)
