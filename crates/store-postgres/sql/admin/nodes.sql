-- Differs from SQLite: a boolean.
select id, label, started_at, beat_at from nodes where not goodbye order by started_at, id
