-- Only here: how many frames the write-ahead log holds and how many of them are in the database.
PRAGMA wal_checkpoint = NOOP
