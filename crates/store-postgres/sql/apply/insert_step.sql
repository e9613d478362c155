-- Differs from SQLite: a whole batch at once, as arrays.
-- A checkpoint of the same name is replaced in its place.
insert into steps (generation_id, seq, name, output, workspace_id, finished_at, cost_nanousd)
select u.generation_id,
       coalesce((select max(s.seq) from steps s where s.generation_id = u.generation_id), 0) + 1,
       u.name, u.output, u.workspace_id, u.at, u.cost
from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::bigint[])
     as u (generation_id, name, output, workspace_id, at, cost)
on conflict (generation_id, name) do update set output = excluded.output, finished_at = excluded.finished_at,
    cost_nanousd = excluded.cost_nanousd
