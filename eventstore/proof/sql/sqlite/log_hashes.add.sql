-- $2 holds hashes end to end, those of $3 rows.
WITH RECURSIVE n (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k + 1 < $3)
INSERT INTO log_hashes (i, hashes) SELECT $1 + k * 32, substr($2, k * 1024 + 1, 1024) FROM n
