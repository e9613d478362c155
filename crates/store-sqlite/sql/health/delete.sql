-- Differs from Postgres: one writer, so nobody has opened it meanwhile.
DELETE FROM health WHERE name = $1
