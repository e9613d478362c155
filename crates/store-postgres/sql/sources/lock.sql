-- Only here: SQLite has one writer. Two who make sources at once must not both find the last room there is.
SELECT pg_advisory_xact_lock(hashtextextended('copydesk sources ' || $1::uuid::text, 0))
