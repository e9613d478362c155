-- Differs from SQLite: a whole batch at once.
insert into subscribers (workspace_id, id, list, address, recipient, name, external_id, created_at, updated_at)
select *
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[])
