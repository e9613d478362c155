-- Differs from SQLite: a boolean.
select 1 as living from nodes where not goodbye and beat_at >= $1 limit 1
