delete from job_inputs
where job_id = $1 and seq <= $2
