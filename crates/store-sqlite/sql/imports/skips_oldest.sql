SELECT line, code, detail, row FROM prospect_import_skips
WHERE import_id = $1 AND line > $2
ORDER BY line ASC
LIMIT $3
