-- Differs from Postgres: one row, empty when there is none.
-- Jobs and bulk actions in one order.
SELECT min(id) FROM (
    SELECT min(id) AS id FROM job_list WHERE id > $1 AND id <= $2
    UNION ALL
    SELECT min(id) FROM bulk_list WHERE id > $1 AND id <= $2
)
