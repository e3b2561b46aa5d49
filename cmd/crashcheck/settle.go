package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
)

// patience is how long everything may take to come to rest: a dead instance's
// runs are ended within 10 s and two beats, and recovered after that.
const patience = 30 * time.Second

// settle lets everything come to rest under instances that live on, and stops
// them in good order. What does not come to rest the checker finds in the log.
func (c *crash) settle(ctx context.Context) error {
	c.calm.Store(true)
	stop := make(chan struct{})
	defer close(stop)
	go c.record.watchMachine(stop)
	var processes []*process
	for slot := range c.listen {
		p, err := c.launch(slot, c.calmed)
		if err != nil {
			return err
		}
		processes = append(processes, p)
	}
	defer func() {
		for _, p := range processes {
			p.stop()
		}
	}()
	for _, p := range processes {
		select {
		case <-p.ready:
		case <-time.After(patience):
			c.record.violated("serve gets ready", p.out.String())
			return nil
		}
	}
	return c.awaitRest(ctx, processes[0].base)
}

// awaitRest resumes every scraper through the API at base, and waits until nothing is
// under way any more.
func (c *crash) awaitRest(ctx context.Context, base string) error {
	for _, s := range c.scrapers {
		if !c.write(ctx, base+"/api/v1/scrapers/"+s.name+"/resume", `{"reason":"quiet"}`, "") {
			c.record.violated("a scraper can be resumed", s.name)
		}
	}
	store, err := eventstore.Open(ctx, eventstore.Config{URL: c.database, ReadOnly: true})
	if err != nil {
		return err
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		unrest, err := restless(ctx, feed.New(store))
		if unrest == "" && err == nil {
			return nil
		}
		if !eventstore.Pause(ctx, 30*time.Millisecond) {
			c.record.violated("everything comes to rest", fmt.Sprintf("not within %s: %s (%v)", patience, unrest, err))
			return nil
		}
	}
}

// resting is what restless asks of a store.
type resting interface {
	Head(ctx context.Context) (int64, error)
	Guards(ctx context.Context) ([]domain.Guard, error)
	GroupStates(ctx context.Context) ([]feed.Group, error)
}

// restless says what has not come to rest yet. Guards and consumer groups are read
// one after the other, so both count only when the log is no longer afterwards
// than before: between the two reads the saga may have started a run.
func restless(ctx context.Context, store resting) (string, error) {
	head, err := store.Head(ctx)
	if err != nil {
		return "", err
	}
	guards, err := store.Guards(ctx)
	if err != nil {
		return "", err
	}
	for _, g := range guards {
		if g.OpenRun != uuid.Nil {
			return fmt.Sprintf("run %s of %s is open", g.OpenRun, g.Scraper), nil
		}
		if g.ConnectionDown() {
			return fmt.Sprintf("run %s of %s is lost", g.LostRun, g.Scraper), nil
		}
	}
	unrest, err := behind(ctx, store, head)
	if unrest != "" || err != nil {
		return unrest, err
	}
	if now, err := store.Head(ctx); err != nil || now != head {
		return fmt.Sprintf("the log grew from %d to %d", head, now), err
	}
	return "", nil
}

// behind names a consumer group that has not handled the log up to head.
func behind(ctx context.Context, store resting, head int64) (string, error) {
	groups, err := store.GroupStates(ctx)
	if err != nil {
		return "", err
	}
	for _, g := range groups {
		if g.Position < head {
			return fmt.Sprintf("%s is at %d of %d: %s", g.Name, g.Position, head, g.BlockedBy), nil
		}
	}
	return "", nil
}

// judge reads the log and holds it against everything that was seen.
func (c *crash) judge(ctx context.Context) (result, error) {
	store, err := eventstore.Open(ctx, eventstore.Config{URL: c.database})
	if err != nil {
		return result{}, err
	}
	defer store.Close()
	log, err := store.Read(ctx, eventstore.Query{})
	if err != nil {
		return result{}, err
	}
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	seen := c.record.seen
	seen.Final = true
	r := result{lives: len(seen.Lives), posts: len(seen.Posts), acks: len(seen.Acks), events: len(log), violations: c.record.own}
	for _, e := range log {
		if e.Type == (domain.RunStarted{}).EventType() {
			r.runs++
		}
	}
	for _, life := range seen.Lives {
		if life.Fell != "" {
			r.fell = append(r.fell, life.Fell)
		}
	}
	for _, stall := range seen.Stalls {
		r.stalled += stall.To.Sub(stall.From)
	}
	r.story = func(run uuid.UUID) string { return check.Story(log, seen, run) }
	found, err := check.Check(log, seen)
	if err != nil {
		return r, err
	}
	r.violations = append(r.violations, found...)
	found, err = replayed(ctx, store)
	r.violations = append(r.violations, found...)
	return r, err
}
