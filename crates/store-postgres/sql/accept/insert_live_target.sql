-- Differs from SQLite: a batch at once. The update changes nothing; it locks the holder's row, so that its successor is
-- chosen only after we have stood in line.
insert into live_targets (
  workspace_id, target, generation_id
)
select * from unnest(
  $1::uuid[], $2::text[], $3::uuid[]
)
on conflict (workspace_id, target) do update set generation_id = live_targets.generation_id
returning generation_id
