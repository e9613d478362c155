-- Only here: SQLite has one writer. Two who put files here at once must not both find the last room there is.
SELECT pg_advisory_xact_lock(hashtextextended('copydesk files ' || $1::uuid::text, 0))
