-- Only here: the second half of `promote_due`.
DELETE FROM parked
WHERE id IN (
    SELECT id FROM parked
    WHERE not_before_at IS NOT NULL AND not_before_at <= $1
    ORDER BY not_before_at, id
    LIMIT $2
)
