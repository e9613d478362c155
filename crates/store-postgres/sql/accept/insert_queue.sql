-- Differs from SQLite: another process may be faster; the id is read back.
insert into queues (workspace_id, recipe, provider, model)
values ($1, $2, $3, $4)
on conflict (workspace_id, recipe, model) do nothing
