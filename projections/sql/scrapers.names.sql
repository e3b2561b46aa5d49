SELECT name FROM scrapers
WHERE configured_at IS NOT NULL AND NOT removed
ORDER BY name LIMIT $1
