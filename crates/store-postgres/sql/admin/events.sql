-- Differs from SQLite: numbers become visible out of order, so a reader stops below the oldest open transaction; else
-- its cursor would pass an event that appears later.
select seq, kind, generation_id, draft_id, created_at, data
from events
where workspace_id = $1 and seq > $2 and xid < pg_snapshot_xmin(pg_current_snapshot())
order by seq
limit $3
