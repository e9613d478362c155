-- Only here: an id that exists already is found before the batch is written.
select g.id from unnest($1::uuid[]) as u (id) join generations g on g.id = any (array[u.id])
