-- What message-db's write_message does: a lock per category, a version check,
-- jsonb, and its three indexes.
CREATE SCHEMA message_store;

CREATE TABLE message_store.messages (
  global_position bigserial PRIMARY KEY,
  position        bigint    NOT NULL,
  time            timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
  stream_name     text      NOT NULL,
  type            text      NOT NULL,
  data            jsonb,
  metadata        jsonb,
  id              uuid      NOT NULL
);
CREATE UNIQUE INDEX messages_id ON message_store.messages (id);
CREATE UNIQUE INDEX messages_stream ON message_store.messages (stream_name, position);
CREATE INDEX messages_category ON message_store.messages
  (split_part(stream_name, '-', 1), global_position, split_part(metadata->>'correlationStreamName', '-', 1));

CREATE FUNCTION message_store.write_message(id varchar, stream varchar, type varchar, data jsonb, metadata jsonb, expected bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  version bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(left('x' || md5(split_part(stream, '-', 1)), 17)::bit(64)::bigint);
  SELECT coalesce(max(m.position), -1) INTO version FROM message_store.messages m WHERE m.stream_name = stream;
  IF expected <> version THEN
    RAISE EXCEPTION 'Wrong expected version: % (Stream: %, Stream Version: %)', expected, stream, version;
  END IF;
  INSERT INTO message_store.messages (id, stream_name, position, type, data, metadata)
  VALUES (id::uuid, stream, version + 1, type, data, metadata);
  RETURN version + 1;
END
$$;
