-- Differs from SQLite: all workspaces at once, in one order.
insert into events_removed as r (workspace_id, seq)
select workspace_id, seq from unnest($1::uuid[], $2::bigint[]) as e (workspace_id, seq)
order by workspace_id
on conflict (workspace_id) do update set seq = greatest(r.seq, excluded.seq)
