-- Differs from Postgres: one writer, so nothing is locked and the merge of the queues is in `claim.rs`.
-- A loose index scan: one seek for each queue that has something ready, however much it has.
WITH RECURSIVE waiting (queue_id) AS (
    SELECT min(queue_id) FROM ready
    UNION ALL
    SELECT (SELECT min(r.queue_id) FROM ready r WHERE r.queue_id > w.queue_id)
    FROM waiting w
    WHERE w.queue_id IS NOT NULL
)
SELECT queue_id FROM waiting WHERE queue_id IS NOT NULL
