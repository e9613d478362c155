-- Differs from SQLite: names, types and functions.
select user_id as subject, format('%s available, %s held', available, held) as detail
from accounts
where available < 0 or held < 0
