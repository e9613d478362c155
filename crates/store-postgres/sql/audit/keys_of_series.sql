-- Differs from SQLite: names, types and functions.
-- One for each row of their history.
select series_no from usage_history where series_no > $1 and series_no <= $2 order by series_no limit $3
