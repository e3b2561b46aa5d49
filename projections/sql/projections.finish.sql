UPDATE projections SET version = $2 WHERE name = $1
