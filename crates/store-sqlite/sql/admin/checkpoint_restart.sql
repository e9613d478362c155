-- Only here: copies the rest of the log and lets the next commit begin it anew; the writer is held meanwhile.
PRAGMA wal_checkpoint = RESTART
