-- Differs from SQLite: `stale` included, and nodes that never beat.
-- Numbers: 0 past its deadline, 1 node lost, 2 attempt overran, 3 stale; the smallest counts. Each branch reads an index
-- of what is overdue; nodes are found by a loose scan over the nodes that run something.
with recursive running (node_id) as (
  (select r.node_id from runs r order by r.node_id limit 1)
  union all
  select (select r.node_id from runs r where r.node_id > n.node_id order by r.node_id limit 1)
  from running n
  where n.node_id is not null
), lost as (
  select n.node_id
  from running n
  left join nodes d on d.id = n.node_id
  where n.node_id is not null
    and ($3::uuid is not null and n.node_id <> $3
         or d.id is null and $3 is distinct from n.node_id
         or d.beat_at < $4)
), found (id, reason) as (
  (select id, 0 from ready where deadline_at <= $1 and ($6::uuid is null or id > $6) order by id limit $7)
  union all
  (select id, 0 from parked where deadline_at <= $1 and ($6::uuid is null or id > $6) order by id limit $7)
  union all
  (select id, 0 from runs where deadline_at <= $1 and ($6::uuid is null or id > $6) order by id limit $7)
  union all
  (select r.id, 1 from lost l join runs r on r.node_id = l.node_id
   where $6::uuid is null or r.id > $6 order by r.id limit $7)
  union all
  (select id, 2 from runs where attempt_deadline_at <= $2 and ($6::uuid is null or id > $6) order by id limit $7)
  union all
  (select g.id, 3
   from (select id from ready union all select id from parked union all select id from runs) live
   join generations g on g.id = live.id
   where $5::timestamptz is not null and g.accepted_at < $5 and ($6::uuid is null or g.id > $6)
   order by g.id limit $7)
)
select id, min(reason)::integer as reason from found group by id order by id limit $7
