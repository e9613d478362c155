DELETE FROM job_inputs
WHERE job_id = $1 AND seq <= $2
