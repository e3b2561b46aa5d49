-- +goose Up
-- The outbox: one row for each notice and channel. It is no read model: it is not
-- rebuilt from the log, so that nothing is told twice.
CREATE TABLE notices (
  seq          bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id           text    NOT NULL UNIQUE, -- follows from the causing event and the channel
  channel      text    NOT NULL,
  kind         text    NOT NULL,
  type         text    NOT NULL,
  subject      text    NOT NULL, -- notices of one subject reach a channel in the order of seq
  position     bigint  NOT NULL, -- of the causing event; 0: none
  state        text    NOT NULL, -- held, pending, sent, given_up, merged
  open         boolean NOT NULL DEFAULT false, -- it was told, and its end was not
  cause        text,             -- id of the outage that a held notice is about
  body         text,             -- JSON; null: not written yet
  created_at   bigint  NOT NULL, -- unix microseconds, like every time here
  next_attempt bigint  NOT NULL,
  attempts     bigint  NOT NULL DEFAULT 0,
  waited       bigint  NOT NULL DEFAULT 0, -- microseconds between the attempts
  claimed_by   text,             -- the instance that is sending it
  sent_at      bigint,
  last_error   text
);
CREATE INDEX notices_due ON notices (channel, next_attempt) WHERE state IN ('held', 'pending');
CREATE INDEX notices_ahead ON notices (subject, channel, seq) WHERE state IN ('held', 'pending');
CREATE INDEX notices_open ON notices (subject, channel) WHERE open;
CREATE INDEX notices_given_up ON notices (seq) WHERE state = 'given_up';
CREATE INDEX notices_newest ON notices (created_at, seq);

-- A channel is told of what comes after this position of the log.
CREATE TABLE notice_channels (
  name  text   PRIMARY KEY,
  since bigint NOT NULL
);

-- Scrapers that are failing or bring too little, as the group has read the log.
CREATE TABLE notice_marks (
  scraper text NOT NULL,
  kind    text NOT NULL,
  PRIMARY KEY (scraper, kind)
);

-- What is wrong with the log or with a reader of it, as each instance sees it.
CREATE TABLE notice_troubles (
  trouble  text NOT NULL,
  instance text NOT NULL,
  since    bigint NOT NULL, -- unix microseconds
  PRIMARY KEY (trouble, instance)
);
