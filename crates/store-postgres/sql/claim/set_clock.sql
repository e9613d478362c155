UPDATE clock SET virtual_time = $1 WHERE id = 1 AND virtual_time < $1
