-- Differs from SQLite: a whole slice at once, as arrays.
update audit_findings f
set gone_at = $1
from unnest($2::text[], $3::bytea[], $4::text[]) as n (check_name, place, subject)
where f.check_name = n.check_name and f.place = n.place and f.subject = n.subject
