-- Differs from Postgres: one writer, so one row at a time costs no round trip.
-- A checkpoint of the same name is replaced in its place.
INSERT INTO steps (generation_id, seq, name, output, workspace_id, finished_at, cost_nanousd)
SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6 FROM steps WHERE generation_id = $1
ON CONFLICT (generation_id, name) DO UPDATE SET output = excluded.output, finished_at = excluded.finished_at,
    cost_nanousd = excluded.cost_nanousd
