-- Differs from SQLite: another process may be faster; the id is read back.
insert into queues (workspace_id, recipe, provider, model, onward)
values ($1, $2, $3, $4, $5)
on conflict (workspace_id, recipe, model, onward) do nothing
