-- Differs from Postgres: one queue at a time.
-- How many of one queue are before a place; counted no further than asked.
SELECT count(*)
FROM (SELECT 1 FROM ready WHERE queue_id = $1 AND (sort_key, id) < ($2, $3) LIMIT $4)
