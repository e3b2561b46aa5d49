SELECT scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap
FROM scraper_guard
WHERE scraper IN (SELECT value FROM json_array_elements_text($1::json))
