CREATE INDEX runs_scraper/*generation*/ ON runs/*next*/ (scraper, started_at, started)
