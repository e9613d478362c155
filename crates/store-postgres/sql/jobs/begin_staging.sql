INSERT INTO job_staging (job_id, workspace_id)
VALUES ($1, $2)
ON CONFLICT DO NOTHING
