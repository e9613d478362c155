-- Differs from SQLite: letter case.
select (select count(*) from ready) + (select count(*) from parked) as waiting
