CREATE TABLE run_counts/*next*/ (
  status text PRIMARY KEY,
  runs   bigint NOT NULL
)
