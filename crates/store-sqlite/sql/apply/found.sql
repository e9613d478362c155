-- Differs from Postgres: one writer, so one row at a time costs no round trip.
SELECT attempt, row_version, $1 AS status FROM ready WHERE id = $2 AND workspace_id = $3
UNION ALL
SELECT attempt, row_version, $1 FROM parked WHERE id = $2 AND workspace_id = $3
UNION ALL
SELECT attempt, row_version, $4 FROM runs WHERE id = $2 AND workspace_id = $3
UNION ALL
SELECT attempt, row_version, status FROM outcomes WHERE id = $2 AND workspace_id = $3
