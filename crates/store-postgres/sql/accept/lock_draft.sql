-- Only here: many writers. A draft that a generation fills is not locked, so that a claim of it never waits for us.
select d.id
from unnest($1::uuid[]) as u (id)
join drafts d on d.id = any (array[u.id])
where d.live_generation_id is null
order by d.id
for update of d
