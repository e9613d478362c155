insert into job_staging (job_id, workspace_id)
values ($1, $2)
on conflict do nothing
