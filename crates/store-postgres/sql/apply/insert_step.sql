-- Differs from SQLite: a whole batch at once, as arrays.
-- A checkpoint of the same name is replaced in its place.
insert into steps (generation_id, seq, name, output, workspace_id, finished_at)
select u.generation_id,
       coalesce((select max(s.seq) from steps s where s.generation_id = u.generation_id), 0) + 1,
       u.name, u.output, u.workspace_id, u.at
from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[])
     as u (generation_id, name, output, workspace_id, at)
on conflict (generation_id, name) do update set output = excluded.output, finished_at = excluded.finished_at
