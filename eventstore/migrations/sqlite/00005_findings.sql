-- +goose Up
-- What the last verification and the last replay that people asked for have found:
-- it outlives the process, and every instance shows it.
CREATE TABLE findings (
  kind     TEXT PRIMARY KEY,
  found_at INTEGER NOT NULL, -- unix microseconds
  result   TEXT NOT NULL     -- JSON
) STRICT;
