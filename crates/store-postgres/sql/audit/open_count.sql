-- Differs from SQLite: names, types and functions.
select check_name, count(*) as findings from audit_findings where gone_at is null group by check_name order by check_name
