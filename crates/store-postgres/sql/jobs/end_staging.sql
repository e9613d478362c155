DELETE FROM job_staging
WHERE job_id = $1
