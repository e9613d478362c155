-- Differs from SQLite: a whole batch at once.
insert into budget_entries (generation_id, budget_id, period_at, owner_id, used, reserved, used_before)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[]
)
on conflict (generation_id, budget_id) do update set
  used = excluded.used,
  reserved = excluded.reserved,
  used_before = excluded.used_before
