-- Differs from SQLite: all at once; they are locked.
delete from calls c where c.id = any ($1::uuid[])
