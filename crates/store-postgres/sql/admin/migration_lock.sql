-- Only here: there, the data folder has one owner. The lock ends with the transaction.
select pg_advisory_xact_lock(hashtextextended('copydesk migrations', 0) # hashtextextended(current_schema()::text, 0))
