-- +goose Up
CREATE TABLE events (
  position    bigint PRIMARY KEY CHECK (position > 0),
  stream      text   NOT NULL,
  version     bigint NOT NULL CHECK (version > 0),
  id          uuid   NOT NULL UNIQUE,
  type        text   NOT NULL,
  data        json   NOT NULL, -- json keeps the bytes, jsonb rewrites them
  metadata    json   NOT NULL,
  recorded_at bigint NOT NULL, -- unix microseconds
  UNIQUE (stream, version)
);

CREATE INDEX events_by_type ON events (type, position);

-- +goose StatementBegin
CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'events is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION events_refuse();

-- ALWAYS: also for sessions that replay somebody's replication
ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only;

-- +goose StatementBegin
CREATE FUNCTION events_appended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  lowest bigint; highest bigint; many bigint;
BEGIN
  SELECT min(position), max(position), count(*) INTO lowest, highest, many FROM added;
  IF many = 0 THEN
    RETURN NULL;
  END IF;
  IF highest - lowest + 1 <> many
     OR lowest <> (SELECT coalesce(max(position), 0) + 1 FROM events WHERE position < lowest) THEN
    RAISE EXCEPTION 'events is append-only: position is not the next one' USING ERRCODE = 'restrict_violation';
  END IF;
  IF EXISTS (SELECT FROM added a WHERE a.version > 1 AND NOT EXISTS (
       SELECT FROM events e WHERE e.stream = a.stream AND e.version = a.version - 1)) THEN
    RAISE EXCEPTION 'events is append-only: version is not the next one' USING ERRCODE = 'restrict_violation';
  END IF;
  PERFORM pg_notify('scrapelog_events', '');
  RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER events_appended AFTER INSERT ON events
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION events_appended();

ALTER TABLE events ENABLE ALWAYS TRIGGER events_appended;

CREATE TABLE scraper_guard (
  scraper  text    PRIMARY KEY,
  open_run uuid,
  instance text    NOT NULL,
  lost_run uuid,
  restored boolean NOT NULL,
  paused   boolean NOT NULL,
  removed  boolean NOT NULL,
  last_due bigint, -- unix nanoseconds: a rounded slot would be claimed twice
  gap      text    NOT NULL
);

CREATE TABLE consumer_offsets (
  topic          text   NOT NULL,
  consumer_group text   NOT NULL,
  position       bigint NOT NULL DEFAULT 0,
  blocked_by     text, -- why the next message cannot be applied
  PRIMARY KEY (topic, consumer_group)
) WITH (fillfactor = 50);

CREATE TABLE dead_letters (
  topic          text   NOT NULL,
  consumer_group text   NOT NULL,
  position       bigint NOT NULL,
  reason         text   NOT NULL,
  recorded_at    bigint NOT NULL,
  PRIMARY KEY (topic, consumer_group, position)
);

CREATE TABLE instances (
  id         text    PRIMARY KEY,
  -- unix microseconds by the database's clock
  started_at bigint  NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
  last_beat  bigint  NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
  dead       boolean NOT NULL DEFAULT false
);

-- Dead is: lock free and last beat older than 4 s, or last beat older than 10 s.
-- The lock is pg_try_advisory_lock(1935897196, hashtext(id)).
CREATE VIEW live_instances AS
  SELECT id, started_at, last_beat
  FROM (SELECT *, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - last_beat AS silent FROM instances) i
  WHERE NOT dead AND silent <= 10000000 AND (silent <= 4000000 OR EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.objsubid = 2 AND l.classid::bigint = 1935897196
      AND l.objid::bigint = hashtext(i.id)::bigint & 4294967295));
