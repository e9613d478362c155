-- Only here: many writers. Numbers become visible in their order only when they are given one after the other.
lock table prices in share row exclusive mode
