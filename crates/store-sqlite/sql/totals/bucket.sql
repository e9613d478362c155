-- Only here: part of `keep` there.
SELECT bucket_at FROM usage_totals WHERE series_no = $1
