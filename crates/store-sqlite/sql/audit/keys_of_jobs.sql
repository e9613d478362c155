-- Differs from Postgres: one row, empty when there is none.
-- Jobs, bulk actions and mailings in one order.
SELECT min(id) FROM (
    SELECT min(id) AS id FROM job_list WHERE id > $1 AND id <= $2
    UNION ALL
    SELECT min(id) FROM bulk_list WHERE id > $1 AND id <= $2
    UNION ALL
    SELECT min(id) FROM mailings WHERE id > $1 AND id <= $2
)
