-- Differs from SQLite: a whole batch at once, as arrays.
insert into job_items (job_id, seq, workspace_id, custom_id, status, note_code, note)
select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[])
