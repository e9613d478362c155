delete from job_staging
where job_id = $1
