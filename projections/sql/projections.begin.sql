INSERT INTO projections (name, version, generation) VALUES ($1, 0, 1)
ON CONFLICT (name) DO UPDATE SET generation = projections.generation + 1
RETURNING generation
