INSERT INTO run_counts/*next*/ (status, runs) VALUES ($1, $2)
ON CONFLICT (status) DO UPDATE SET runs = run_counts/*next*/.runs + excluded.runs
