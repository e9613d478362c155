select i.id, i.workspace_id, i.name, i.created, i.updated, i.unchanged, i.skipped, i.removed, i.created_at, i.finished_at, i.undone_at
from prospect_imports i
where i.workspace_id = $1 and i.id > $2
order by i.id asc
limit $3
