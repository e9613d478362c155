-- Only here: whether the file holds anything at all.
SELECT count(*) FROM sqlite_schema
