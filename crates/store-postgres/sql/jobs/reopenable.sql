select seq, status
from job_items
where job_id = $1 and seq > $2 and (status = $3 or status = $4)
order by seq
limit $5
