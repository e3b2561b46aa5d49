-- +goose Up
-- The Merkle tree over events, in the dense order of tlog.StoredHashIndex.
CREATE TABLE log_hashes (
  i    bigint PRIMARY KEY CHECK (i >= 0),
  hash bytea  NOT NULL CHECK (length(hash) = 32)
);

-- What was signed about the tree. The same notes are kept outside the database.
CREATE TABLE log_checkpoints (
  number    bigint PRIMARY KEY CHECK (number > 0),
  note      text   NOT NULL, -- C2SP tlog-checkpoint
  sealed_at bigint NOT NULL  -- unix microseconds
);
