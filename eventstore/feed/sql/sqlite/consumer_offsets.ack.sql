-- Some errors make SQLite roll back by itself and go on in autocommit: then the
-- savepoint is gone, this fails, and the offset stays where the rows are.
RELEASE feed;
UPDATE consumer_offsets SET position = $1, blocked_by = NULL
WHERE topic = $2 AND consumer_group = $3 AND position < $1
