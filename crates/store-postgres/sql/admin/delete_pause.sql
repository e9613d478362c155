DELETE FROM pauses WHERE what = $1
