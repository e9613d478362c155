-- Differs from SQLite: a whole batch at once.
delete from job_live_keys
where job_id = any ($1::uuid[])
