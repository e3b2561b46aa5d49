CREATE INDEX runs_changed/*generation*/ ON runs/*next*/ (position)
