-- The end of the log: no row if it is empty.
SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1
