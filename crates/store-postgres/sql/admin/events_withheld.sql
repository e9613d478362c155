-- Only here: what `events` holds back because of a transaction that is still open.
select max(seq) as seq
from (
  select seq from events
  where workspace_id = $1 and seq > $2 and xid >= pg_snapshot_xmin(pg_current_snapshot())
  order by seq
  limit $3
) e
