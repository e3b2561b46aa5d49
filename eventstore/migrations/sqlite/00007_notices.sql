-- +goose Up
-- The outbox: one row for each notice and channel. It is no read model: it is not
-- rebuilt from the log, so that nothing is told twice.
CREATE TABLE notices (
  seq          INTEGER PRIMARY KEY,
  id           TEXT    NOT NULL UNIQUE, -- follows from the causing event and the channel
  channel      TEXT    NOT NULL,
  kind         TEXT    NOT NULL,
  type         TEXT    NOT NULL,
  subject      TEXT    NOT NULL, -- notices of one subject reach a channel in the order of seq
  position     INTEGER NOT NULL, -- of the causing event; 0: none
  state        TEXT    NOT NULL, -- held, pending, sent, given_up, merged
  open         INTEGER NOT NULL DEFAULT 0, -- it was told, and its end was not
  cause        TEXT,             -- id of the outage that a held notice is about
  body         TEXT,             -- JSON; null: not written yet
  created_at   INTEGER NOT NULL, -- unix microseconds, like every time here
  next_attempt INTEGER NOT NULL,
  attempts     INTEGER NOT NULL DEFAULT 0,
  waited       INTEGER NOT NULL DEFAULT 0, -- microseconds between the attempts
  claimed_by   TEXT,             -- the instance that is sending it
  sent_at      INTEGER,
  last_error   TEXT
) STRICT;
CREATE INDEX notices_due ON notices (channel, next_attempt) WHERE state IN ('held', 'pending');
CREATE INDEX notices_ahead ON notices (subject, channel, seq) WHERE state IN ('held', 'pending');
CREATE INDEX notices_open ON notices (subject, channel) WHERE open;
CREATE INDEX notices_given_up ON notices (seq) WHERE state = 'given_up';
CREATE INDEX notices_newest ON notices (created_at, seq);

-- A channel is told of what comes after this position of the log.
CREATE TABLE notice_channels (
  name  TEXT   PRIMARY KEY,
  since INTEGER NOT NULL
) STRICT;

-- Scrapers that are failing or bring too little, as the group has read the log.
CREATE TABLE notice_marks (
  scraper TEXT NOT NULL,
  kind    TEXT NOT NULL,
  PRIMARY KEY (scraper, kind)
) STRICT;

-- What is wrong with the log or with a reader of it, as each instance sees it.
CREATE TABLE notice_troubles (
  trouble  TEXT NOT NULL,
  instance TEXT NOT NULL,
  since    INTEGER NOT NULL, -- unix microseconds
  PRIMARY KEY (trouble, instance)
) STRICT;
