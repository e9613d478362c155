select check_name, subject, detail, workspace_id, first_seen_at, last_seen_at
from audit_findings
where gone_at is null
order by check_name, place, subject
limit $1
