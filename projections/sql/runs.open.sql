SELECT * FROM runs WHERE status = 'running' ORDER BY started_at DESC, started DESC
