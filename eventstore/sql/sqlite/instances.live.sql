SELECT id, started_at, last_beat,
       (SELECT count(*) FROM scraper_guard g WHERE g.open_run IS NOT NULL AND g.instance = i.id) AS open_runs
FROM live_instances i
ORDER BY open_runs, id
