SELECT id FROM (SELECT id FROM runs ORDER BY started_at DESC, started DESC LIMIT $2) AS newest
WHERE replace(id, '-', '') LIKE $1 LIMIT $3
