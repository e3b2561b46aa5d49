-- A table of events that nothing guards but its keys.
CREATE TABLE plain (
  position    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  stream      text   NOT NULL,
  version     bigint NOT NULL,
  id          uuid   NOT NULL UNIQUE,
  type        text   NOT NULL,
  data        json   NOT NULL,
  metadata    json   NOT NULL,
  recorded_at bigint NOT NULL,
  UNIQUE (stream, version)
)
