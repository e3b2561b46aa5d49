SELECT scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap
FROM scraper_guard
ORDER BY scraper
