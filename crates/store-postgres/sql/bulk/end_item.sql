-- Differs from SQLite: a whole batch at once; answers with those it changed.
update bulk_items i
set outcome = u.outcome, note_code = u.note_code, note = u.note, made_id = u.made_id
from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::uuid[]) as u (outcome, note_code, note, made_id, item_id)
where i.bulk_id = $6 and i.item_id = any (array[u.item_id]) and i.outcome = $7
returning i.outcome
