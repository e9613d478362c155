-- Only here: Postgres sees it in `claim/clock`.
SELECT EXISTS (SELECT 1 FROM ready WHERE queue_id = $1)
