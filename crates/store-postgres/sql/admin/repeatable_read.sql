-- Only here: SQLite reads in one snapshot anyway.
set transaction isolation level repeatable read, read only
