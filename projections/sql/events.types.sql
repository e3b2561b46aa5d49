SELECT type, count(*) FROM events GROUP BY type
