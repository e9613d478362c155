-- Differs from SQLite: a whole batch at once, in the order of their ids. Whoever counts for a generation locks it, so that
-- two never make its entry at the same time.
select g.id, g.workspace_id, g.user_id, g.key_id
from generations g
where g.id = any ($1::uuid[])
order by g.id
for no key update of g
