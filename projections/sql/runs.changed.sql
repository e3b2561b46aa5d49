SELECT * FROM runs WHERE position > $1 AND position <= $2 ORDER BY position, id LIMIT $3
