SELECT fingerprint, job_id, deduplicated
FROM job_keys
WHERE workspace_id = $1 AND idempotency_key = $2
