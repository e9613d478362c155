-- Differs from Postgres: one writer, so one row at a time costs no round trip.
-- The last attempt began when its first call was opened: both are written by the claim, at its instant.
INSERT INTO outcomes
    (id, workspace_id, user_id, status, attempt, spent, row_version, started_at, finished_at, settled, version, origin,
     error_code, error, error_detail)
VALUES ($1, $2, $3, $4, $5, $6, $7,
        (SELECT min(c.opened_at) FROM calls c WHERE c.generation_id = $1 AND c.attempt = $5),
        $8, $9, $10, $11, $12, $13, $14)
