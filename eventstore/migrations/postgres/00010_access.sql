-- +goose Up
-- Credentials. The log holds who may do what, and none of this: it cannot forget.
-- Times are unix microseconds.
CREATE TABLE users (
  id       uuid    PRIMARY KEY, -- the stream is user-<uuid>
  name     text    NOT NULL,
  role     text    NOT NULL,    -- as the log has it, or the user is locked
  hash     text    NOT NULL,    -- of the password
  epoch    bigint  NOT NULL,    -- sessions of another epoch have ended
  disabled boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX users_name ON users (lower(name));

CREATE TABLE sessions (
  id         text   PRIMARY KEY, -- hash of the token in the cookie
  "user"     uuid   NOT NULL,
  epoch      bigint NOT NULL,
  agent      text   NOT NULL,    -- the browser, as it names itself
  created_at bigint NOT NULL,
  seen_at    bigint NOT NULL,
  expires_at bigint NOT NULL, -- unless it is seen again
  deadline   bigint NOT NULL  -- and then at the latest
);
CREATE INDEX sessions_user ON sessions ("user");

CREATE TABLE tokens (
  id           text   PRIMARY KEY,
  "user"       uuid   NOT NULL,
  name         text   NOT NULL, -- what it is for
  sha256       text   NOT NULL,
  role         text   NOT NULL,
  scrapers     text   NOT NULL, -- a glob; empty: every scraper
  created_at   bigint NOT NULL,
  expires_at   bigint NOT NULL,
  last_used_at bigint,          -- to the hour
  revoked_at   bigint
);
CREATE INDEX tokens_user ON tokens ("user");
