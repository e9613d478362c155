-- Only here: many writers take the rows in one order.
select name from health where name = any ($1::text[]) order by name for update
