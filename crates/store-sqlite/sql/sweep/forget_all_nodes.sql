-- Only here: whoever holds the data folder is the only process there is, so every node of before is dead.
DELETE FROM nodes
