-- Differs from SQLite: a name.
select count(*) as keys from api_keys where revoked_at is null
