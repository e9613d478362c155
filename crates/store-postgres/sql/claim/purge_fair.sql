-- Differs from SQLite: rows another process is writing are passed over.
-- A user whose last finish lies behind the queue's virtual time starts at the virtual time anyway.
delete from fair
where ctid = any (array(select ctid from fair where finish <= $1 limit $2 for update skip locked))
