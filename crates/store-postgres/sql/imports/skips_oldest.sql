-- Differs from SQLite: row is a word of the language.
select line, code, detail, "row" from prospect_import_skips
where import_id = $1 and line > $2
order by line asc
limit $3
