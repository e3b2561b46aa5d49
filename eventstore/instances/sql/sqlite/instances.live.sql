SELECT i.id, i.started_at, i.last_beat, NOT instances.leaving AS takes_runs,
       (SELECT count(*) FROM scraper_guard g WHERE g.open_run IS NOT NULL AND g.instance = i.id) AS open_runs
FROM live_instances i JOIN instances ON instances.id = i.id
ORDER BY takes_runs DESC, open_runs, i.id
