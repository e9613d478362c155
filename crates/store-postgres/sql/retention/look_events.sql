-- Differs from SQLite: those that may go are locked; what somebody else removes is left to them.
-- The oldest events after a place, and which of them may go: never the newest one of a workspace.
select e.workspace_id, e.seq, e.created_at,
       e.created_at < $1 and e.seq < (select max(n.seq) from events n where n.workspace_id = e.workspace_id) as old
from events e
where (e.workspace_id, e.seq) > ($2, $3)
order by e.workspace_id, e.seq
limit $4
for update of e skip locked
