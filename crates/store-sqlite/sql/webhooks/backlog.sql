SELECT (SELECT count(*) FROM webhook_deliveries WHERE due_at IS NOT NULL) AS waiting,
       (
         SELECT min((
           SELECT min(d.due_at) FROM webhook_deliveries d
           WHERE d.workspace_id = l.workspace_id AND d.lane_id = l.lane_id AND d.due_at <= $1
         ))
         FROM webhook_lanes l WHERE l.due_at <= $1
       ) AS oldest_due,
       (SELECT count(*) FROM webhooks WHERE failing_since IS NOT NULL AND disabled_at IS NULL AND removed_at IS NULL) AS failing,
       (SELECT count(*) FROM webhooks WHERE disabled_why <> $2 AND removed_at IS NULL) AS disabled
