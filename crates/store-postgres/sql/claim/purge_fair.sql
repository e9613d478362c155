-- Differs from SQLite: rows another process is writing are passed over.
-- A user whose last finish lies behind the queue's virtual time starts at the virtual time anyway.
delete from fair
where ctid = any (array(
  select f.ctid
  from clock t
  join fair f on f.queue_id = t.queue_id and f.finish <= t.virtual_time
  limit $1
  for update of f skip locked
))
