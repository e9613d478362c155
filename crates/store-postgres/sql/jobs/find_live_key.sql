select job_id
from job_live_keys
where workspace_id = $1 and dedupe_key = $2
