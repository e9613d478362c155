-- Differs from SQLite: a whole batch at once, in the order of the keys.
insert into job_live_keys (workspace_id, dedupe_key, job_id)
select workspace_id, dedupe_key, id from job_list where id = any ($1::uuid[]) and dedupe_key is not null
order by workspace_id, dedupe_key
on conflict do nothing
