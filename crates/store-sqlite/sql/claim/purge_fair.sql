-- Differs from Postgres: one writer, so nothing is locked and the merge of the queues is in `claim.rs`.
-- A user whose last finish lies behind the queue's virtual time starts at the virtual time anyway.
DELETE FROM fair
WHERE (workspace_id, user_id) IN (SELECT workspace_id, user_id FROM fair WHERE finish <= $1 LIMIT $2)
