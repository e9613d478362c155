-- Differs from SQLite: a name.
select count(*) as running from runs
