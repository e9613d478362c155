DELETE FROM job_items
WHERE job_id = $1 AND seq IN (SELECT i.seq FROM job_items i WHERE i.job_id = $1 ORDER BY i.seq LIMIT $2)
RETURNING seq
