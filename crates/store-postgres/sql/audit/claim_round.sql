-- Differs from SQLite: names, types and functions.
-- No row when another node audits.
insert into audit_round as r (
  id, node_id, held_until, began_at, ended_at, rounds, space, after_place, fresh_place, proved, proved_before
)
values (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (id) do update set node_id = excluded.node_id, held_until = excluded.held_until
where r.node_id = excluded.node_id or r.held_until <= $11
returning began_at, ended_at, rounds, space, after_place, fresh_place, proved, proved_before
