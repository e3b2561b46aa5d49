CREATE INDEX runs_scraper_status/*generation*/ ON runs/*next*/ (scraper, status, trigger, started_at, started)
