-- Differs from SQLite: a batch at once; of two processes the later place counts.
insert into fair (
  workspace_id, user_id, finish
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::bigint[]
)
on conflict (workspace_id, user_id) do update set finish = greatest(fair.finish, excluded.finish)
