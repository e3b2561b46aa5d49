INSERT INTO plain (stream, version, id, type, data, metadata, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
