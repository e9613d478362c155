SELECT min(due_at) AS due_at FROM webhook_lanes WHERE due_at > $1
