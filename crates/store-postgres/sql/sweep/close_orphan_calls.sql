-- Differs from SQLite: a call that somebody is closing right now is left to them.
-- The estimate: a token for every $4 bytes of input, none of output; the cost is unknown. Calls with a dot in their
-- operation belong to steps that make files, and have nothing that could be estimated (`recipe::step::counts_tokens`).
update calls c
set closed_at = $1, outcome = $2, cost_status = $3, estimated = o.tokens is not null,
    tokens_input = o.tokens, duration_ms = o.duration_ms
from (
  select k.id, case when position('.' in k.operation) = 0 then (g.input_bytes + $4 - 1) / $4 end as tokens,
         greatest(0, (extract(epoch from $1 - k.opened_at) * 1000)::bigint) as duration_ms
  from calls k
  join generations g on g.id = k.generation_id
  where k.closed_at is null and k.opened_at < $5
    and not exists (select 1 from runs n where n.id = k.generation_id and n.call_id = k.id)
  order by k.opened_at, k.id
  limit $6
  for update of k skip locked
) o
where c.id = o.id
returning c.id
