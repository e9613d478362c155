-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO ready
    (queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step,
     last_error_code, last_error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
