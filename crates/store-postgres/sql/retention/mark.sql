-- Differs from SQLite: names, types and functions.
insert into retention as r (what, before_at) values ($1, $2)
on conflict (what) do update set before_at = greatest(r.before_at, excluded.before_at)
