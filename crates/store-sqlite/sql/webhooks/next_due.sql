SELECT min(due_at) AS due_at FROM webhook_deliveries WHERE due_at > $1
