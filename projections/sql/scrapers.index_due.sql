CREATE INDEX scrapers_due/*generation*/ ON scrapers/*next*/ (next_due, name)
