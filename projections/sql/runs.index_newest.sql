CREATE INDEX runs_newest/*generation*/ ON runs/*next*/ (started_at, started)
