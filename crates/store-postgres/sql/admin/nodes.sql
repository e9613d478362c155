-- Differs from SQLite: spelling only.
select n.id, n.label, n.started_at, n.beat_at, (select count(*) from runs r where r.node_id = n.id) as running
from nodes n
order by n.started_at, n.id
