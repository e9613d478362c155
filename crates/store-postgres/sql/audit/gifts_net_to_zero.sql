-- Differs from SQLite: names, types and functions.
select (array_agg(user_id))[1] as subject,
       format('gift %s: %s sent, %s received', reference,
              coalesce(sum(amount) filter (where kind = 'gift_sent'), 0),
              coalesce(sum(amount) filter (where kind = 'gift_received'), 0)) as detail
from transfers
where kind in ('gift_sent', 'gift_received')
group by workspace_id, reference
having sum(case when kind = 'gift_sent' then amount else -amount end) <> 0
