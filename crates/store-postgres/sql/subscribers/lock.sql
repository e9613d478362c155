-- Only here: SQLite has one writer. Two who write people onto lists of one workspace must each see what the other has written.
select pg_advisory_xact_lock(hashtextextended('copydesk subscribers ' || $1::uuid::text, 0))
