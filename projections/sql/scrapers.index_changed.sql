CREATE INDEX scrapers_changed/*generation*/ ON scrapers/*next*/ (position)
