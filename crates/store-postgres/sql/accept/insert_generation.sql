-- Differs from SQLite: a whole batch at once, as arrays.
insert into generations (
  id, workspace_id, draft_id, user_id, key_id, recipe, recipe_version, model, step, queue_id, target, dedupe_key,
  priority, base_version, accepted_at, run_at, deadline_at, attempt_timeout_us, max_attempts, attempts_per_model, hold,
  metered_per_usd, metered_margin, metered_min, cost_max, params, input_bytes, job_id, job_seq
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::integer[], $11::text[], $12::text[], $13::integer[], $14::bigint[], $15::timestamptz[],
  $16::timestamptz[], $17::timestamptz[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[],
  $24::bigint[], $25::bigint[], $26::text[], $27::bigint[], $28::uuid[], $29::bigint[]
)
