package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/eventstore"
)

// client never asks twice by itself: what is not answered is not acknowledged.
var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}

// drive is a user who starts, pauses and resumes until ctx ends.
func (c *crash) drive(ctx context.Context, rng *rand.Rand) {
	for eventstore.Pause(ctx, time.Duration(rng.IntN(8))*time.Millisecond) {
		name := c.scrapers[rng.IntN(len(c.scrapers))].name
		base := "http://" + c.listen[rng.IntN(len(c.listen))]
		switch n := rng.IntN(100); {
		case n < 4:
			c.write(ctx, base+"/api/v1/scrapers/"+name+"/pause", `{"reason":"crash test"}`, "")
		case n < 16:
			c.write(ctx, base+"/api/v1/scrapers/"+name+"/resume", `{"reason":"crash test"}`, "")
		default:
			c.write(ctx, base+"/api/v1/scrapers/"+name+"/runs", "", "run.started")
		}
	}
}

// cancels cancels the runs that scrapers hint at: those that are about to end.
func (c *crash) cancels(ctx context.Context, rng *rand.Rand) {
	for {
		select {
		case <-ctx.Done():
			return
		case run := <-c.toCancel:
			base := "http://" + c.listen[rng.IntN(len(c.listen))]
			go c.write(ctx, base+"/api/v1/runs/"+run.String()+"/cancel", `{"reason":"crash test"}`, "run.cancelled")
		}
	}
}

// cancel hints at a run. Each is cancelled at most once, so that a success says
// that this very request did it.
func (c *crash) cancel(run uuid.UUID) {
	c.record.locked(func(s *check.Seen) { s.Cancels[run] = true })
	select {
	case c.toCancel <- run:
	default:
	}
}

// write asks for a change and notes that it was acknowledged. wants is what the
// log then has at the position of the answer; empty: not certain.
func (c *crash) write(ctx context.Context, url, body, wants string) (acknowledged bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return false
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var run struct{ ID uuid.UUID }
	if res.StatusCode >= 300 || wants != "" && json.NewDecoder(res.Body).Decode(&run) != nil {
		return false
	}
	position, err := strconv.ParseInt(res.Header.Get("X-Log-Position"), 10, 64)
	if err != nil {
		c.record.violated("a write says where it stands", url+": "+err.Error())
	}
	c.record.acknowledged(check.Ack{Position: position, Run: run.ID, Type: wants})
	return true
}
