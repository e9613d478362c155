-- Differs from Postgres: one writer, so nothing is locked and the merge of the queues is in `claim.rs`.
SELECT min(not_before_at) FROM parked WHERE not_before_at IS NOT NULL
