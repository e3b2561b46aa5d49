SELECT * FROM scrapers
WHERE configured_at IS NOT NULL AND NOT removed AND lost_run IS NOT NULL AND NOT restored
ORDER BY connection_since, name LIMIT $1
