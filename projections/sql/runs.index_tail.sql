CREATE INDEX runs_tail/*generation*/ ON runs/*next*/ (tail)
