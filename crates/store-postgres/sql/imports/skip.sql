-- Differs from SQLite: a whole batch at once.
insert into prospect_import_skips (import_id, line, code, detail, "row")
select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[])
