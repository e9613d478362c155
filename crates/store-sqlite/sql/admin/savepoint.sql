-- Only here: group commit, so that one bad command fails alone.
SAVEPOINT command
