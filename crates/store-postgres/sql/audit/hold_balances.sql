-- Differs from SQLite: names, types and functions.
-- Per generation: hold = settle + release + open, open = 0 if and only if it is final, refunds never exceed the settle,
-- and only a settle of the whole hold leaves something to be absorbed.
select g.workspace_id, g.id as subject,
       format('hold %s of %s, settled %s, released %s, refunded %s', coalesce(t.held, 0), g.hold,
              coalesce(t.settled, 0), coalesce(t.released, 0), coalesce(t.refunded, 0)) as detail
from generations g
left join (
  select generation_id,
         coalesce(sum(amount) filter (where kind = 'hold'), 0) as held,
         coalesce(sum(amount) filter (where kind = 'settle'), 0) as settled,
         coalesce(sum(amount) filter (where kind = 'release'), 0) as released,
         coalesce(sum(amount) filter (where kind = 'refund'), 0) as refunded,
         coalesce(sum(amount) filter (where kind = 'absorb'), 0) as absorbed
  from transfers
  where generation_id > $1 and generation_id <= $2
  group by generation_id
) t on t.generation_id = g.id
left join outcomes o on o.id = g.id and o.id > $1 and o.id <= $2
where g.id > $1 and g.id <= $2
  and (coalesce(t.held, 0) <> g.hold
   or coalesce(t.settled, 0) + coalesce(t.released, 0) <> case when o.id is null then 0 else g.hold end
   or coalesce(t.settled, 0) <> coalesce(o.settled, 0)
   or coalesce(t.refunded, 0) > coalesce(t.settled, 0)
   or (coalesce(t.absorbed, 0) > 0 and t.settled <> g.hold))
