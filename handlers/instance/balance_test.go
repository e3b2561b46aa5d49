package instance

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/instances"
)

// balancerOf is the balancer of the instance "us", and counts its reads.
func balancerOf(reads *int, live ...instances.Row) *Balancer {
	return &Balancer{
		Live: func(context.Context) ([]instances.Row, error) {
			*reads++
			return append([]instances.Row(nil), live...), nil
		},
		Own:    func() (string, bool) { return "us", true },
		Halted: func() string { return "" },
	}
}

func TestRunsAreSpreadOverLiveInstances(t *testing.T) {
	reads := 0
	b := balancerOf(&reads, instances.Row{ID: "idle", TakesRuns: true}, instances.Row{ID: "busy", OpenRuns: 4, TakesRuns: true}, instances.Row{ID: "leaving"})
	given := map[string]int{}
	for range 10 {
		id, err := b.Follower(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		given[id]++
	}
	if given["idle"] != 7 || given["busy"] != 3 || reads != 1 {
		t.Errorf("given %v with %d reads of the database", given, reads)
	}
	if id, err := balancerOf(&reads).Follower(t.Context()); id != "us" || err != nil {
		t.Errorf("with no instance listed: %q, %v", id, err)
	}
}

func TestNoRunIsGivenWhere(t *testing.T) {
	reads := 0
	for name, change := range map[string]func(*Balancer){
		"runs are halted":               func(b *Balancer) { b.Halted = func() string { return "sealing was refused" } },
		"this instance starts or stops": func(b *Balancer) { b.Own = func() (string, bool) { return "us", false } },
		"the list of instances is not read": func(b *Balancer) {
			b.Live = func(context.Context) ([]instances.Row, error) { return nil, eventstore.ErrUnavailable }
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := balancerOf(&reads, instances.Row{ID: "idle", TakesRuns: true})
			change(b)
			if id, err := b.Follower(t.Context()); id != "" || !errors.Is(err, eventstore.ErrUnavailable) {
				t.Errorf("%q, %v", id, err)
			}
		})
	}
	b := balancerOf(&reads)
	b.Halted = func() string { return "sealing was refused" }
	if _, err := b.Follower(t.Context()); err == nil || !strings.Contains(err.Error(), "no runs are started: sealing was refused") {
		t.Error(err)
	}
}

// TestLeavingWaitsForOthers: balancers of other instances read the list once a second.
func TestLeavingWaitsForOthers(t *testing.T) {
	for others, want := range map[int]time.Duration{0: 0, 1: fresh + fresh/4} {
		synctest.Test(t, func(t *testing.T) {
			began, left := time.Now(), false
			leave := func(context.Context) error { left = true; return nil }
			live := func(context.Context) ([]instances.Row, error) {
				return make([]instances.Row, others+1), nil
			}
			Leave(t.Context(), leave, live, slog.New(slog.NewTextHandler(io.Discard, nil)))
			if took := time.Since(began); took != want || !left {
				t.Errorf("%d others: waited %s, want %s; left: %t", others, took, want, left)
			}
		})
	}
}
