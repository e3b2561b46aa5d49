-- $2 holds hashes end to end, those of $3 rows.
INSERT INTO log_hashes (i, hashes)
SELECT $1::bigint + k * 32, substring($2::bytea FROM k * 1024 + 1 FOR 1024) FROM generate_series(0, $3::int - 1) AS k
