-- Differs from SQLite: spelling only.
select seq, kind, generation_id, draft_id, user_id, created_at, data
from events
where workspace_id = $1 and seq > $2
order by seq
limit $3
