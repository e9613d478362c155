-- Only here: SQLite has one process.
select pg_notify(channel, '') from unnest($1::text[]) as channel
