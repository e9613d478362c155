-- Differs from Postgres: no casts.
SELECT q.recipe AS recipe, q.model AS model, count(*) AS running
FROM runs r
JOIN queues q ON q.id = r.queue_id
GROUP BY q.recipe, q.model
ORDER BY q.recipe, q.model
