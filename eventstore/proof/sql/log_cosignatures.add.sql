INSERT INTO log_cosignatures (number, note, kept)
SELECT coalesce(max(number), 0) + 1, $1, $2 FROM log_cosignatures
