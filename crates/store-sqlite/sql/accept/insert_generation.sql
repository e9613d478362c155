-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO generations
    (id, workspace_id, draft_id, user_id, key_id, recipe, recipe_version, model, step, queue_id, target, dedupe_key,
     priority, base_version, accepted_at, run_at, deadline_at, attempt_timeout_us, max_attempts, attempts_per_model,
     hold, metered_per_usd, metered_margin, metered_min, cost_max, params, input_bytes, job_id, job_seq)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
        $27, $28, $29)
