SELECT seq, status
FROM job_items
WHERE job_id = $1 AND seq > $2 AND (status = $3 OR status = $4)
ORDER BY seq
LIMIT $5
