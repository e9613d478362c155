-- Differs from SQLite: names, types and functions.
-- Each side of a gift has exactly one other, of the same amount, at the user it names.
select t.workspace_id, t.user_id as subject,
       format('gift %s of %s: the other side is missing or another', t.reference, t.amount) as detail
from transfers t
where t.kind in ('gift_sent', 'gift_received')
  and (t.workspace_id, t.user_id) >= ($1, $2) and (t.workspace_id, t.user_id) < ($3, $4)
  and 1 <> (
    select count(*)
    from transfers o
    where o.kind in ('gift_sent', 'gift_received')
      and o.workspace_id = t.workspace_id and o.user_id = t.peer_id and o.reference = t.reference
      and o.kind <> t.kind and o.amount = t.amount and o.peer_id = t.user_id
  )
