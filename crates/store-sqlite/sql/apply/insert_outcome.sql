-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO outcomes
    (id, workspace_id, user_id, status, attempt, spent, row_version, finished_at, settled, version, origin,
     error_code, error, error_detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
