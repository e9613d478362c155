select fingerprint, job_id, deduplicated
from job_keys
where workspace_id = $1 and idempotency_key = $2
