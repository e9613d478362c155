-- Differs from SQLite: names, types and functions.
select id from generations where id > $1 and id <= $2 order by id limit $3
