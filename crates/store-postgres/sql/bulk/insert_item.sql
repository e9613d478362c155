-- Differs from SQLite: a whole batch at once; answers with those it added.
insert into bulk_items (bulk_id, item_id, outcome)
select $1, u.item_id, $2
from unnest($3::uuid[]) as u (item_id)
on conflict do nothing
returning item_id
