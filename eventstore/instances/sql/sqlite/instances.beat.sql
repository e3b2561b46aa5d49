UPDATE instances SET last_beat = CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)
WHERE id = $1 AND NOT dead
