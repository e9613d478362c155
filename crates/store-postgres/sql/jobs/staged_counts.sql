select status, count(*) as count
from job_items
where job_id = $1 and workspace_id = $2
group by status
