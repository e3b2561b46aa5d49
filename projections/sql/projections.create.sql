CREATE TABLE IF NOT EXISTS projections (
  name    text PRIMARY KEY,
  version bigint NOT NULL -- of the tables' shape and of the rules that fill them
)
