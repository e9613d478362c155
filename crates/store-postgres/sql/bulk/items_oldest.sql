-- Differs from SQLite: planned for the values at hand, so one statement serves with and without an outcome.
select i.item_id, i.outcome, i.note_code, i.note, i.made_id
from bulk_items i
where i.bulk_id = $1 and i.item_id > $2 and ($3::text is null or i.outcome = $3)
order by i.item_id asc
limit $4
