-- Guards that name a run of which the log has no first event.
SELECT scraper, 'open_run', CAST(open_run AS text) FROM scraper_guard g
WHERE open_run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events WHERE stream = 'run-' || CAST(g.open_run AS text) AND version = 1)
UNION ALL
SELECT scraper, 'lost_run', CAST(lost_run AS text) FROM scraper_guard g
WHERE lost_run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events WHERE stream = 'run-' || CAST(g.lost_run AS text) AND version = 1)
ORDER BY 1, 2
