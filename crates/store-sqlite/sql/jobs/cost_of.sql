-- Differs from Postgres: one writer, so one row at a time costs no round trip.
SELECT coalesce(sum(cost_nanousd), 0) AS cost, count(*) FILTER (WHERE cost_nanousd IS NULL AND outcome <> $1) AS unpriced
FROM calls
WHERE generation_id = $2 AND closed_at IS NOT NULL
