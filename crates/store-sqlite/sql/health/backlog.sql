-- Differs from Postgres: no casts.
SELECT q.recipe AS recipe, q.model AS model, w.reason AS reason, sum(w.waiting) AS waiting
FROM (SELECT queue_id, $1 AS reason, count(*) AS waiting FROM ready GROUP BY queue_id
      UNION ALL
      SELECT queue_id, reason, count(*) FROM parked GROUP BY queue_id, reason) w
JOIN queues q ON q.id = w.queue_id
GROUP BY q.recipe, q.model, w.reason
ORDER BY q.recipe, q.model, w.reason
