-- Only here: SQLite has one process.
select pg_notify($1, '')
