-- Differs from SQLite: casts, and an order that is the same in every locale.
select status, stopping, coalesce(note_code, '') as note_code, count(*) as jobs, sum(pending)::bigint as pending,
       sum(processing)::bigint as processing, sum(completed)::bigint as completed, sum(failed)::bigint as failed,
       sum(skipped)::bigint as skipped, sum(cancelled)::bigint as cancelled
from job_list
where finished_at is null
group by 1, 2, 3
order by status collate "C", stopping, coalesce(note_code, '') collate "C"
