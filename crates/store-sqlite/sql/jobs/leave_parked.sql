-- Only here: part of `release` there.
DELETE FROM parked
WHERE reason = $1 AND id IN (SELECT generation_id FROM job_items WHERE job_id = $2 AND status = $3)
