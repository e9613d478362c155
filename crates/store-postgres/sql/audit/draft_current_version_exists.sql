-- Differs from SQLite: names, types and functions.
select d.id as subject,
       format('current %s, counted %s, stored %s', d.current_version, d.version_count, count(v.number)) as detail
from drafts d
left join versions v on v.draft_id = d.id
group by d.id
having count(v.number) <> d.version_count
    or (d.current_version = 0) <> (count(v.number) = 0)
    or (d.current_version > 0 and count(*) filter (where v.number = d.current_version) <> 1)
