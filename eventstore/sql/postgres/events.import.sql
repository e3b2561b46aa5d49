INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
SELECT position, stream, version, id::uuid, type, recorded_at, data::json, metadata::json
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[])
  AS e (position, stream, version, id, type, recorded_at, data, metadata)
ORDER BY position
