-- Differs from SQLite: all lanes at once, in one order. Debts of several nodes add up, whoever is first.
-- Says the same as `Paid::plus` in core.
insert into rates (lane, requests_at, tokens_at)
select u.lane, $4::timestamptz + u.requests_us * interval '1 microsecond',
       $4::timestamptz + u.tokens_us * interval '1 microsecond'
from unnest($1::text[], $2::bigint[], $3::bigint[]) as u (lane, requests_us, tokens_us)
order by u.lane
on conflict (lane) do update
set requests_at = greatest(rates.requests_at, $4) + (excluded.requests_at - $4),
    tokens_at = greatest(rates.tokens_at, $4) + (excluded.tokens_at - $4)
