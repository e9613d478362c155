-- Differs from SQLite: a batch at once; of two processes the later place counts.
insert into fair (
  queue_id, user_id, finish
)
select * from unnest(
  $1::integer[], $2::uuid[], $3::bigint[]
)
on conflict (queue_id, user_id) do update set finish = greatest(fair.finish, excluded.finish)
