SELECT scraper, open_run FROM scraper_guard
WHERE open_run IS NOT NULL AND instance = $1
ORDER BY scraper
LIMIT $2
