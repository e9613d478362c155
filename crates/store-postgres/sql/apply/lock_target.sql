-- Only here: many writers. Those who stand in line for a target hold a lock on its row until they are visible; the
-- statement after this one sees them all.
select t.generation_id
from unnest($1::uuid[], $2::text[], $3::uuid[]) as u (workspace_id, target, generation_id)
join live_targets t on t.workspace_id = any (array[u.workspace_id]) and t.target = any (array[u.target])
  and t.generation_id = u.generation_id
order by t.workspace_id, t.target
for update of t
