-- Only here: part of `hold` there.
DELETE FROM ready
WHERE id IN (
    SELECT p.id
    FROM job_items i
    JOIN parked p ON p.id = i.generation_id
    WHERE p.reason = $1 AND i.job_id = $2 AND i.status = $3
)
