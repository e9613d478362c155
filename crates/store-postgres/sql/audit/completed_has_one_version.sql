-- Differs from SQLite: names, types and functions.
select o.id as subject, format('%s versions', count(v.number)) as detail
from outcomes o
left join versions v on v.generation_id = o.id and v.number = o.version
where o.status = 'completed'
group by o.id
having count(v.number) <> 1
