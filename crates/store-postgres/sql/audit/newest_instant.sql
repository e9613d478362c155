-- Differs from SQLite: no row when there is no event.
-- Deadlines are compared with what the data knows, so that an idle or restored database is not blamed for the hour.
select created_at as newest from events order by seq desc limit 1
