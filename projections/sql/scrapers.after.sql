SELECT * FROM scrapers
WHERE name > $1 AND configured_at IS NOT NULL AND NOT removed
ORDER BY name LIMIT $2
