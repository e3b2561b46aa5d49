INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
SELECT position, stream, version, id, type, recorded_at, data, metadata
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::bigint[], $7::json[], $8::json[])
  AS t (position, stream, version, id, type, recorded_at, data, metadata)
