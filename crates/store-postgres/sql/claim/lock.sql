-- Only here: many claimers. A limit holds only when they count one after the other; so does the one place of what is
-- probing.
select pg_advisory_xact_lock($1)
where $2::boolean or exists (select from health where open_until is not null)
