CREATE INDEX scrapers_lost/*generation*/ ON scrapers/*next*/ (connection_since, name) WHERE lost_run IS NOT NULL AND NOT restored
