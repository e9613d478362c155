-- Only here: SQLite has one writer. Two who give up the last two owners, or set up the first one, must not both see
-- what was before: who changes the logins of a workspace does so one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('copydesk logins ' || $1::uuid::text, 0))
