SELECT scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap
FROM scraper_guard
WHERE lost_run IS NOT NULL AND NOT restored AND NOT removed
