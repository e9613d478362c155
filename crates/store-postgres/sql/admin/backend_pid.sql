-- Only here: tells our own notifications from those of others.
select pg_backend_pid() as pid
