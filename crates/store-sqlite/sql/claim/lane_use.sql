-- Differs from Postgres: one writer, so nothing is locked and the merge of the queues is in `claim.rs`.
-- The lanes are counted in the run rows themselves, so nothing can drift. As many rows as generations are processing.
SELECT queue_id, count(*) FROM runs GROUP BY queue_id
