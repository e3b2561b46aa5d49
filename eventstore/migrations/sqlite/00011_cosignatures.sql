-- +goose Up
-- What witnesses have signed, in the order in which it came: the signed checkpoint with
-- the signature of a witness. The same notes are kept outside the database.
CREATE TABLE log_cosignatures (
  number INTEGER PRIMARY KEY CHECK (number > 0),
  note   TEXT    NOT NULL, -- C2SP tlog-checkpoint and tlog-cosignature
  kept   TEXT    NOT NULL  -- the file outside of the instance that asked; empty on SQLite
) STRICT;
