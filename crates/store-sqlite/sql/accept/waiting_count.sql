SELECT (SELECT count(*) FROM ready) + (SELECT count(*) FROM parked) AS waiting
