INSERT INTO prospect_import_skips (import_id, line, code, detail, row) VALUES ($1, $2, $3, $4, $5)
