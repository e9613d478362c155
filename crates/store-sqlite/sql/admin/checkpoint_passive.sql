-- Only here: copies what no reader is in the way of; never waits.
PRAGMA wal_checkpoint = PASSIVE
