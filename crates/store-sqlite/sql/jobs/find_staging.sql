-- Differs from Postgres: one writer, so nobody is between two statements.
SELECT job_id
FROM job_staging
WHERE job_id = $1 OR job_id < $2
ORDER BY job_id
LIMIT 1
