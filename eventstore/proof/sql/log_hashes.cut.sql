-- What no checkpoint covers proves nothing and is written anew.
DELETE FROM log_hashes WHERE i >= $1
