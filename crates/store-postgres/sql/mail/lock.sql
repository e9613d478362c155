-- Only here: SQLite has one writer. Two who order mails of one workspace must each see what the other has ordered.
select pg_advisory_xact_lock(hashtextextended('copydesk mailings ' || $1::uuid::text, 0))
