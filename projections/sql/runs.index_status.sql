CREATE INDEX runs_status/*generation*/ ON runs/*next*/ (status, trigger, started_at, started)
