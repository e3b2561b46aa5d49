SELECT version FROM projections WHERE name = $1
