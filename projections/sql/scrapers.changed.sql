SELECT * FROM scrapers WHERE position > $1 AND position <= $2 ORDER BY position, name LIMIT $3
