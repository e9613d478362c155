-- Only here: copies all and shortens the file; waits for readers and the writer.
PRAGMA wal_checkpoint = TRUNCATE
