-- Only here: many writers. In the order of their numbers, so that no two can deadlock; what follows sees what the last
-- holder wrote.
select t.series_no
from usage_totals t
where t.series_no = any ($1::bigint[])
order by t.series_no
for no key update of t
