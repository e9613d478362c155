SELECT min(id) FROM job_list
WHERE id > $1 AND id <= $2
