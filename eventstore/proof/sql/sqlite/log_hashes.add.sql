-- $2 holds $3 hashes end to end.
WITH RECURSIVE n (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k + 1 < $3)
INSERT INTO log_hashes (i, hash) SELECT $1 + k, substr($2, k * 32 + 1, 32) FROM n
