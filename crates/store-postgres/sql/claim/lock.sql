-- Only here: many claimers. A limit holds only when they count one after the other.
select pg_advisory_xact_lock($1)
