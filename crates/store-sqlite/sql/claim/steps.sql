SELECT name, output FROM steps WHERE generation_id = $1 ORDER BY seq
