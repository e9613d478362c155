-- Only here: see `savepoint`.
RELEASE command
