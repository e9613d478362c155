-- Those that opened last first: of very many rows these matter.
SELECT name, failures, opened, open_until, since_at, code, message
FROM health
ORDER BY open_until DESC NULLS LAST, name
LIMIT $1
