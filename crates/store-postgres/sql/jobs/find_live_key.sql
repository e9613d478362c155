SELECT job_id
FROM job_live_keys
WHERE workspace_id = $1 AND dedupe_key = $2
