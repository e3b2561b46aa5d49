-- +goose Up
CREATE TABLE events (
  position    INTEGER PRIMARY KEY CHECK (position > 0),
  stream      TEXT    NOT NULL,
  version     INTEGER NOT NULL CHECK (version > 0),
  id          TEXT    NOT NULL UNIQUE,
  type        TEXT    NOT NULL,
  data        TEXT    NOT NULL CHECK (json_valid(data)),
  metadata    TEXT    NOT NULL CHECK (json_valid(metadata)),
  recorded_at INTEGER NOT NULL, -- unix microseconds
  UNIQUE (stream, version)
) STRICT;

CREATE INDEX events_by_type ON events (type, position);

-- +goose StatementBegin
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
  SELECT RAISE(ABORT, 'events is append-only: UPDATE refused');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
  SELECT RAISE(ABORT, 'events is append-only: DELETE refused');
END;
-- +goose StatementEnd

-- REPLACE removes the row in its way without firing a delete trigger, so
-- nothing may be inserted that has a row in its way.
-- +goose StatementBegin
CREATE TRIGGER events_only_next BEFORE INSERT ON events
BEGIN
  SELECT RAISE(ABORT, 'events is append-only: position is not the next one')
  WHERE NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM events);
  SELECT RAISE(ABORT, 'events is append-only: version is not the next one')
  WHERE NEW.version <> (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream);
  SELECT RAISE(ABORT, 'events is append-only: id is known')
  WHERE EXISTS (SELECT 1 FROM events WHERE id = NEW.id);
END;
-- +goose StatementEnd

CREATE TABLE scraper_guard (
  scraper  TEXT    PRIMARY KEY,
  open_run TEXT,
  instance TEXT    NOT NULL,
  lost_run TEXT,
  restored INTEGER NOT NULL,
  paused   INTEGER NOT NULL,
  removed  INTEGER NOT NULL,
  last_due INTEGER, -- unix nanoseconds: a rounded slot would be claimed twice
  gap      TEXT    NOT NULL
) STRICT;

CREATE TABLE consumer_offsets (
  topic          TEXT    NOT NULL,
  consumer_group TEXT    NOT NULL,
  position       INTEGER NOT NULL DEFAULT 0,
  blocked_by     TEXT, -- why the next message cannot be applied
  PRIMARY KEY (topic, consumer_group)
) STRICT;

CREATE TABLE dead_letters (
  topic          TEXT    NOT NULL,
  consumer_group TEXT    NOT NULL,
  position       INTEGER NOT NULL,
  reason         TEXT    NOT NULL,
  recorded_at    INTEGER NOT NULL,
  PRIMARY KEY (topic, consumer_group, position)
) STRICT;

CREATE TABLE instances (
  id         TEXT    PRIMARY KEY,
  -- unix microseconds by the database's clock
  started_at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
  last_beat  INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
  dead       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One process serves the database: the one that registered last, since it holds
-- the lock file. However long it was stopped, nobody has taken its runs.
CREATE VIEW live_instances AS
  SELECT id, started_at, last_beat FROM instances WHERE NOT dead ORDER BY rowid DESC LIMIT 1;
