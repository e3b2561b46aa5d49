-- +goose Up
-- What the last verification and the last replay that people asked for have found:
-- it outlives the process, and every instance shows it.
CREATE TABLE findings (
  kind     text PRIMARY KEY,
  found_at bigint NOT NULL, -- unix microseconds
  result   text NOT NULL    -- JSON
);
