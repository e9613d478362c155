-- Differs from SQLite: all at once; they are locked.
delete from events e where e.seq = any ($1::bigint[])
