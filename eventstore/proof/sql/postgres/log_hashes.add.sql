-- $2 holds $3 hashes end to end.
INSERT INTO log_hashes (i, hash)
SELECT $1::bigint + k, substring($2::bytea FROM k * 32 + 1 FOR 32) FROM generate_series(0, $3::int - 1) AS k
