SELECT t.list, count(*) AS subscribers, sum(t.unwanted) AS unsubscribed
FROM (
    SELECT s.list, CASE WHEN EXISTS (
        SELECT 1 FROM suppressions x
        WHERE x.workspace_id = s.workspace_id AND x.recipient = s.recipient AND x.list IN ('', s.list)
    ) THEN 1 ELSE 0 END AS unwanted
    FROM subscribers s
    WHERE s.workspace_id = $1
) t
GROUP BY t.list
ORDER BY t.list
