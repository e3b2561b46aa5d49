-- +goose Up
-- The Merkle tree over events, in the dense order of tlog.StoredHashIndex.
CREATE TABLE log_hashes (
  i    INTEGER PRIMARY KEY CHECK (i >= 0),
  hash BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- What was signed about the tree. The same notes are kept outside the database.
CREATE TABLE log_checkpoints (
  number    INTEGER PRIMARY KEY CHECK (number > 0),
  note      TEXT    NOT NULL, -- C2SP tlog-checkpoint
  sealed_at INTEGER NOT NULL  -- unix microseconds
) STRICT;
