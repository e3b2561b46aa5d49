package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

const (
	// slowScraper is the one that there is time to break.
	slowScraper = "full-catalogue"
	// firstPages is how long a slow scrape runs before --break kills its worker.
	firstPages = 4 * time.Second
	lookEvery  = 250 * time.Millisecond
)

// teller tells what happens to the runs, as a program would that asks the API.
type teller struct {
	server string // address
	say    func(format string, args ...any)
	worker func() int // its process id; 0: it is dead
	kill   func()     // called once a slow scrape runs for a while; nil: people do it

	seen   map[uuid.UUID]domain.RunStatus
	killAt time.Time
}

// run tells until ctx ends. What was there before is not told.
func (t *teller) run(ctx context.Context) {
	began := time.Now()
	t.seen = map[uuid.UUID]domain.RunStatus{}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		runs := t.latest(ctx)
		slices.Reverse(runs) // from the oldest
		for _, r := range runs {
			if t.seen[r.ID] != r.Status && (r.StartedAt.After(began) || r.EndedAt.After(began) || r.Status == domain.StatusRunning) {
				t.tell(r)
			}
			t.seen[r.ID] = r.Status
		}
		if t.kill != nil && !t.killAt.IsZero() && time.Now().After(t.killAt) {
			t.say("demo --break kills the worker now, process %d.\n", t.worker())
			t.kill()
			t.kill = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// latest asks the server for the newest runs. Without an answer there are none: the next
// look will find them.
func (t *teller) latest(ctx context.Context) []projections.Run {
	var page struct {
		Runs []projections.Run `json:"runs"`
	}
	if t.ask(ctx, "/api/v1/runs?limit=20", &page) != nil {
		return nil
	}
	return page.Runs
}

// next says when the slow scraper runs.
func (t *teller) next(ctx context.Context) string {
	var scraper struct {
		NextSlot time.Time  `json:"next_slot"`
		OpenRun  *uuid.UUID `json:"open_run"`
	}
	err := t.ask(ctx, "/api/v1/scrapers/"+slowScraper, &scraper)
	if err != nil || scraper.OpenRun != nil || scraper.NextSlot.IsZero() {
		return "runs every 45 s"
	}
	return fmt.Sprintf("runs next in %.0f s", time.Until(scraper.NextSlot).Seconds())
}

func (t *teller) ask(ctx context.Context, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.server+path, nil)
	if err != nil {
		return err
	}
	res, err := asking.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(answer)
}

// tell says what has become of a run.
func (t *teller) tell(r projections.Run) {
	recovers := r.Recovers != uuid.Nil
	switch {
	case r.Status == domain.StatusRunning && recovers:
		t.say("%s is scraped again: this run recovers the lost one.\n", r.Scraper)
	case r.Status == domain.StatusRunning && r.Scraper == slowScraper:
		t.killAt = time.Now().Add(firstPages)
		t.say("%s is running now, for 15 s. To break it:  kill -9 %d\n", r.Scraper, t.worker())
	case r.Status == domain.StatusConnectionFailed:
		t.say("%s: %s The lost run is connection_failed, not failed; the log has it.\n", r.Scraper, words.Story{Run: r, Standing: true}.Summary(time.Now()))
	case r.Status == domain.StatusCompleted && recovers:
		t.say("%s is complete after all: %s See it drawn as time:\n  http://%s/runs/%s\n", r.Scraper, words.Story{Run: r}.Summary(time.Now()), t.server, r.ID)
	}
}
