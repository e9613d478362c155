-- Differs from Postgres: no casts.
SELECT status, stopping, coalesce(note_code, '') AS note_code, count(*) AS jobs, sum(pending) AS pending,
       sum(processing) AS processing, sum(completed) AS completed, sum(failed) AS failed, sum(skipped) AS skipped,
       sum(cancelled) AS cancelled
FROM job_list
WHERE finished_at IS NULL
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
