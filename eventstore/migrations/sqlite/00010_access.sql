-- +goose Up
-- Credentials. The log holds who may do what, and none of this: it cannot forget.
-- Times are unix microseconds.
CREATE TABLE users (
  id       TEXT    PRIMARY KEY, -- uuid: the stream is user-<uuid>
  name     TEXT    NOT NULL,
  role     TEXT    NOT NULL,    -- as the log has it, or the user is locked
  hash     TEXT    NOT NULL,    -- of the password
  epoch    INTEGER NOT NULL,    -- sessions of another epoch have ended
  disabled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX users_name ON users (lower(name));

CREATE TABLE sessions (
  id         TEXT    PRIMARY KEY, -- hash of the token in the cookie
  "user"     TEXT    NOT NULL,
  epoch      INTEGER NOT NULL,
  agent      TEXT    NOT NULL,    -- the browser, as it names itself
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL, -- unless it is seen again
  deadline   INTEGER NOT NULL  -- and then at the latest
) STRICT;
CREATE INDEX sessions_user ON sessions ("user");

CREATE TABLE tokens (
  id           TEXT    PRIMARY KEY,
  "user"       TEXT    NOT NULL,
  name         TEXT    NOT NULL, -- what it is for
  sha256       TEXT    NOT NULL,
  role         TEXT    NOT NULL,
  scrapers     TEXT    NOT NULL, -- a glob; empty: every scraper
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  last_used_at INTEGER,          -- to the hour
  revoked_at   INTEGER
) STRICT;
CREATE INDEX tokens_user ON tokens ("user");
