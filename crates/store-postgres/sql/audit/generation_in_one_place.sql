-- Differs from SQLite: names, types and functions.
-- A generation is in exactly one of ready, parked, runs, outcomes; a row of these has its generation.
select g.id as subject, format('in %s places', count(p.id)) as detail
from generations g
left join (select id from ready union all select id from parked union all select id from runs union all select id from outcomes) p on p.id = g.id
group by g.id
having count(p.id) <> 1
union all
select p.id, 'was never accepted'
from (select id from ready union all select id from parked union all select id from runs union all select id from outcomes) p
where not exists (select 1 from generations g where g.id = p.id)
