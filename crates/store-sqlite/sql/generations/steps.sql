-- Differs from Postgres: only in how its words are written.
SELECT name, output, cost_nanousd FROM steps WHERE generation_id = $1 AND workspace_id = $2 ORDER BY seq
