INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
