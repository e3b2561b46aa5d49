SELECT status, runs FROM run_counts
