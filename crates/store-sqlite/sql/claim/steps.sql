-- Differs from Postgres: one writer, so nothing is locked and the merge of the queues is in `claim.rs`.
SELECT name, output, cost_nanousd FROM steps WHERE generation_id = $1 ORDER BY seq
