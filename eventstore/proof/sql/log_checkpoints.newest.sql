-- The newest two checkpoints of one file outside; with an empty mark, of any.
SELECT note FROM (SELECT number, note FROM log_checkpoints ORDER BY number DESC LIMIT 10000) AS newest
WHERE $2 = '' OR note LIKE $1
ORDER BY number DESC LIMIT 2
