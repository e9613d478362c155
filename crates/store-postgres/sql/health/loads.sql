-- Differs from SQLite: names in the order of their bytes whatever the database's language.
select q.recipe, q.model, count(*) as running
from runs r
join queues q on q.id = r.queue_id
group by q.recipe, q.model
order by q.recipe collate "C", q.model collate "C"
