-- Differs from SQLite: all at once, and only those whose opening is the one that was read: another node may have opened
-- it since.
delete from health h
using unnest($1::text[], $2::timestamptz[]) as u (name, open_until)
where h.name = u.name and h.open_until is not distinct from u.open_until
