CREATE TABLE IF NOT EXISTS projections (
  name       text PRIMARY KEY,
  version    bigint NOT NULL, -- of the tables' shape and of the rules that fill them; 0: they are yet to be made
  generation bigint NOT NULL  -- how often they were built: index names carry it
)
