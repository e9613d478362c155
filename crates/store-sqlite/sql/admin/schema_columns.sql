-- Only here: see `schema_objects`.
SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo($1) ORDER BY cid
