-- Only here: the number of the lock under which claims count and choose; one per namespace of a database.
select hashtextextended('copydesk claims', hashtext(current_schema()::text)::bigint) as number
