-- Differs from Postgres: one writer, so nothing is locked.
-- A user whose last finish lies behind the queue's virtual time starts at the virtual time anyway.
DELETE FROM fair
WHERE (queue_id, user_id) IN (
    SELECT f.queue_id, f.user_id
    FROM clock t
    JOIN fair f ON f.queue_id = t.queue_id AND f.finish <= t.virtual_time
    LIMIT $1
)
