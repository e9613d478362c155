delete from job_items
where job_id = $1 and seq in (select i.seq from job_items i where i.job_id = $1 order by i.seq limit $2)
returning seq
