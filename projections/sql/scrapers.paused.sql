SELECT * FROM scrapers
WHERE paused AND NOT removed
ORDER BY paused_at, name LIMIT $1
