-- Differs from Postgres: one at a time.
-- The other closed calls of a call's generation.
SELECT tokens_input, tokens_output, cost_nanousd
FROM calls
WHERE generation_id = $1 AND id <> $2 AND closed_at IS NOT NULL
