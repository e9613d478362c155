-- Only here: numbers are drawn in another order than they are committed in. A transaction that writes events holds a
-- shared advisory lock from before it draws until after it is visible; the lock's number is the last one drawn before.
-- Up to the lowest of them nothing appears any more. Ask `events/last.sql` first: numbers drawn after that are above it,
-- and whoever drew one up to it holds a lock now or is visible to the statement after this one.
select min(((classid::bigint << 32) | objid::bigint) & 281474976710655) as seq
from pg_locks
where locktype = 'advisory' and objsubid = 1 and mode = 'ShareLock'
  and database = (select oid from pg_database where datname = current_database())
  and ((classid::bigint << 32) | objid::bigint) >> 48 = hashtext(current_schema())::bigint & 32767
