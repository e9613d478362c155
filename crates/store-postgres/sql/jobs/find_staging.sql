-- Differs from SQLite: locked, so that nobody seals it meanwhile.
select job_id
from job_staging
where job_id = $1 or job_id < $2
order by job_id
limit 1
for update
