-- Differs from SQLite: a whole batch at once. Everything stands last.
select id, recipient, list, reason, created_at
from suppressions
where workspace_id = $1 and recipient = any ($2::text[]) and list in ('', $3)
order by list desc
