SELECT open_run FROM scraper_guard WHERE instance = $1 AND open_run IS NOT NULL
