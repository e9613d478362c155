-- Differs from SQLite: names, types and functions.
-- Of the live generations of a target exactly the holder does not wait for it.
select g.workspace_id, g.id as subject,
       format('%s, which is held by %s', g.target,
              case when t.generation_id is null then 'nobody' when t.generation_id = g.id then 'itself' else 'another' end
       ) as detail
from (
  select id, false as waits from ready where id > $1 and id <= $2
  union all select id, reason = 'target' from parked where id > $1 and id <= $2
  union all select id, false from runs where id > $1 and id <= $2
) l
join generations g on g.id = l.id
left join live_targets t on t.workspace_id = g.workspace_id and t.target = g.target
where g.target is not null
  and case when l.waits then coalesce(t.generation_id, g.id) = g.id
           else t.generation_id is distinct from g.id end
