-- Only here: part of `take` there.
INSERT INTO calls
    (id, workspace_id, user_id, draft_id, generation_id, attempt, service, operation, provider, model, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
