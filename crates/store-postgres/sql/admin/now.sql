-- Differs from SQLite: the server's clock, which all nodes compare leases with.
select clock_timestamp() as now
