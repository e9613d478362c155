-- Differs from SQLite: a whole batch at once; answers with those it changed. The bulk action stands beside each item so that
-- the join cannot be turned round, and the outcome is compared so that the index of outcomes cannot answer: it would read all
-- open items for each.
update bulk_items i
set outcome = u.outcome, note_code = u.note_code, note = u.note, made_id = u.made_id
from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[])
  as u (outcome, note_code, note, made_id, bulk_id, item_id)
where i.bulk_id = any (array[u.bulk_id]) and i.item_id = any (array[u.item_id]) and i.outcome is not distinct from $7
returning i.outcome
