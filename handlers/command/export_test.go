package command

// Waiting returns how many callers wait for a run.
func (c *Crowd) Waiting() int {
	c.runs.mu.Lock()
	defer c.runs.mu.Unlock()
	return len(c.runs.waiting)
}
