-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO drafts
    (id, workspace_id, user_id, recipe, title, status, review, live_generation_id, external_id, revision,
     created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10)
