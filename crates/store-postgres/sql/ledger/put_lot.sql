-- Differs from SQLite: a whole batch at once, as arrays.
insert into lots (workspace_id, user_id, expires_at, transfer_id, remaining)
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::bigint[])
on conflict (workspace_id, user_id, expires_at, transfer_id) do update set remaining = excluded.remaining
