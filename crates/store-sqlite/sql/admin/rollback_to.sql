-- Only here: see `savepoint`.
ROLLBACK TO command
