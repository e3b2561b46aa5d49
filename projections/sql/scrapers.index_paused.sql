CREATE INDEX scrapers_paused/*generation*/ ON scrapers/*next*/ (paused_at, name) WHERE paused AND NOT removed
