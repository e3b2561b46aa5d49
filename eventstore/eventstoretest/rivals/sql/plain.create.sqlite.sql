-- A table of events that nothing guards but its keys.
CREATE TABLE plain (
  position    INTEGER PRIMARY KEY,
  stream      TEXT    NOT NULL,
  version     INTEGER NOT NULL,
  id          TEXT    NOT NULL UNIQUE,
  type        TEXT    NOT NULL,
  data        TEXT    NOT NULL,
  metadata    TEXT    NOT NULL,
  recorded_at INTEGER NOT NULL,
  UNIQUE (stream, version)
) STRICT
