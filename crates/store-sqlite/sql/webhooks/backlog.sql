SELECT (SELECT count(*) FROM webhook_deliveries WHERE due_at IS NOT NULL) AS waiting,
       (SELECT min(due_at) FROM webhook_deliveries WHERE due_at <= $1) AS oldest_due,
       (SELECT count(*) FROM webhooks WHERE failing_since IS NOT NULL AND disabled_at IS NULL AND removed_at IS NULL) AS failing,
       (SELECT count(*) FROM webhooks WHERE disabled_why <> $2 AND removed_at IS NULL) AS disabled
