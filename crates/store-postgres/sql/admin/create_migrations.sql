-- Differs from SQLite: types.
create table if not exists schema_migrations (
  version bigint primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null
)
