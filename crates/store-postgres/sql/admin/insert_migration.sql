-- Differs from SQLite: the server computes the checksum.
insert into schema_migrations (version, name, checksum, applied_at)
values ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'), $4)
