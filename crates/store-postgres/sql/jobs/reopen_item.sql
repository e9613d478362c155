-- Differs from SQLite: a whole batch at once.
update job_items
set status = $1, note_code = null, note = null, model = coalesce($2::text, model)
where job_id = $3 and seq = any ($4::bigint[])
