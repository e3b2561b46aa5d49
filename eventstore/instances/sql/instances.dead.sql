SELECT id FROM instances
WHERE NOT dead AND id NOT IN (SELECT id FROM live_instances)
UNION
SELECT instance FROM scraper_guard
WHERE open_run IS NOT NULL AND instance NOT IN (SELECT id FROM live_instances)
ORDER BY 1
