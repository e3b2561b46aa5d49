package main

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/feed"
)

// busy is a store whose saga starts a run while it is read: right after the
// guards were, the run is open and every group has handled its start.
type busy struct {
	head   int64
	guards []domain.Guard
	after  func(*busy) // happens once, after the guards were read
}

func (b *busy) Head(context.Context) (int64, error) { return b.head, nil }

func (b *busy) Guards(context.Context) ([]domain.Guard, error) {
	guards := append([]domain.Guard(nil), b.guards...)
	if b.after != nil {
		b.after(b)
		b.after = nil
	}
	return guards, nil
}

func (b *busy) GroupStates(context.Context) ([]feed.Group, error) {
	return []feed.Group{{Name: "runs", Position: b.head}, {Name: "rescrape", Position: b.head}}, nil
}

// TestNothingIsAtRestWhileARunStarts: a recovery run that starts between the look
// at the guards and the look at the groups is not overlooked. Were it, the server
// would be stopped in the middle of it, and its row would lack its end.
func TestNothingIsAtRestWhileARunStarts(t *testing.T) {
	store := &busy{head: 7, guards: []domain.Guard{{Scraper: "s07"}}, after: func(b *busy) {
		b.head, b.guards = 8, []domain.Guard{{Scraper: "s07", OpenRun: uuid.Max}}
	}}
	for _, want := range []string{"the log grew from 7 to 8", "is open"} {
		if unrest, err := restless(t.Context(), store); err != nil || !strings.Contains(unrest, want) {
			t.Errorf("got %q, %v, want %q", unrest, err, want)
		}
	}
	store.guards = []domain.Guard{{Scraper: "s07"}}
	if unrest, err := restless(t.Context(), store); unrest != "" || err != nil {
		t.Errorf("at rest: %q, %v", unrest, err)
	}
}
