-- Differs from SQLite: no row when there is none.
select id from job_list
where id > $1 and id <= $2
order by id
limit 1
