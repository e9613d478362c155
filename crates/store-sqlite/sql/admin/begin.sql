-- Differs from Postgres: the one writer takes the write lock at once.
BEGIN IMMEDIATE
