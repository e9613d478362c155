INSERT INTO inputs (generation_id, workspace_id, input, metadata) VALUES ($1, $2, $3, $4)
