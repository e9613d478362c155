-- Differs from SQLite: planned for the values at hand, so one statement serves with and without filters.
select status, count(*) as count
from drafts
where workspace_id = $1 and ($2::uuid is null or user_id = $2) and deleted_at is null
group by status
