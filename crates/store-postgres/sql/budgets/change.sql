-- Differs from SQLite: whether it is still in force is looked at and written in one.
update budgets set
  amount = coalesce($3, amount),
  warn_at = coalesce($4, warn_at),
  ended_at = $5
where workspace_id = $1 and id = $2 and ended_at is null
returning id, workspace_id, subject, subject_id, measure, period, zone, amount, warn_at, created_at, ended_at
