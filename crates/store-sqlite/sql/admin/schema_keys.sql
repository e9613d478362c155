-- Only here: the columns of the indexes that belong to constraints (they have no SQL of their own).
SELECT l.name, l.origin, group_concat(i.name, ', ' ORDER BY i.seqno)
FROM pragma_index_list($1) l
JOIN pragma_index_info(l.name) i
WHERE l.origin <> 'c' AND l."unique" = 1
GROUP BY l.name, l.origin
