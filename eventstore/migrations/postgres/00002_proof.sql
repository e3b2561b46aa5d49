-- +goose Up
-- The Merkle tree over events, in the dense order of tlog.StoredHashIndex, 32
-- hashes to a row but for the last: i is the index of the first.
CREATE TABLE log_hashes (
  i      bigint PRIMARY KEY CHECK (i >= 0 AND i % 32 = 0),
  hashes bytea  NOT NULL CHECK (length(hashes) % 32 = 0 AND length(hashes) BETWEEN 32 AND 1024)
);

-- What was signed about the tree. The same notes are kept outside the database.
CREATE TABLE log_checkpoints (
  number    bigint PRIMARY KEY CHECK (number > 0),
  note      text   NOT NULL, -- C2SP tlog-checkpoint
  sealed_at bigint NOT NULL  -- unix microseconds
);
