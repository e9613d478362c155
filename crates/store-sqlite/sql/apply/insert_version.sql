-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO versions
    (draft_id, number, workspace_id, generation_id, origin, reason, form, title, body, words, hash, provenance,
     created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
