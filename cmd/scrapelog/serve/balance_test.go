package serve

import (
	"context"
	"scrapelog/eventstore/instances"
	"testing"
)

func TestRunsAreSpreadOverLiveInstances(t *testing.T) {
	looks := 0
	b := balancer{live: func(context.Context) ([]instances.Row, error) {
		looks++
		return []instances.Row{{ID: "idle", TakesRuns: true}, {ID: "busy", OpenRuns: 4, TakesRuns: true}, {ID: "leaving"}}, nil
	}}
	given := map[string]int{}
	for range 10 {
		id, err := b.least(t.Context(), "us")
		if err != nil {
			t.Fatal(err)
		}
		given[id]++
	}
	if given["idle"] != 7 || given["busy"] != 3 || looks != 1 {
		t.Errorf("given %v with %d looks at the database", given, looks)
	}
	alone := balancer{live: func(context.Context) ([]instances.Row, error) { return nil, nil }}
	if id, err := alone.least(t.Context(), "us"); id != "us" || err != nil {
		t.Errorf("with nobody known: %q, %v", id, err)
	}
}
