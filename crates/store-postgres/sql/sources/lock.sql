-- Sources of one workspace are counted by one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('copydesk sources ' || $1::uuid::text, 0))
