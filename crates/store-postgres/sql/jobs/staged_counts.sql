SELECT status, count(*) AS count
FROM job_items
WHERE job_id = $1 AND workspace_id = $2
GROUP BY status
