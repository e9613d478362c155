-- Differs from SQLite: all at once, and another node may have opened it meanwhile. A count may be lost, an opening never.
insert into health (name, failures, opened, open_until, since_at, code, message)
select u.name, u.failures, u.opened, u.open_until, u.since_at, u.code, u.message
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[])
  as u (name, failures, opened, open_until, since_at, code, message)
order by u.name
on conflict (name) do update
set failures = excluded.failures, opened = excluded.opened, open_until = excluded.open_until,
    since_at = excluded.since_at, code = excluded.code, message = excluded.message
where health.open_until is null or excluded.open_until >= health.open_until
