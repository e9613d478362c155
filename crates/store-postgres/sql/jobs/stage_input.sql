-- Differs from SQLite: a whole batch at once, as arrays.
insert into job_inputs (job_id, seq, request)
select * from unnest($1::uuid[], $2::bigint[], $3::text[])
