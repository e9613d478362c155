select check_name, place, subject
from audit_findings
where space = $1 and place > $2 and place <= $3 and gone_at is null
