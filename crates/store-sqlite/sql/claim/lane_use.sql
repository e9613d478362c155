-- Differs from Postgres: one writer, so nothing is locked and the merge of the queues is in `claim.rs`.
-- The lanes are counted in the run rows themselves, so nothing can drift. As many rows as generations are processing.
-- What waits for a job at its provider is no part of the last number, which the global limit counts.
SELECT queue_id, count(*), count(*) - sum(waiting) FROM runs GROUP BY queue_id
