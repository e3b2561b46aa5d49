package main

import (
	"context"
	"fmt"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/projections/replay"
)

// replayed holds what stands beside the log against what follows from it: the
// guards, and the projections byte for byte.
func replayed(ctx context.Context, store *eventstore.Store) ([]check.Violation, error) {
	mismatches, err := store.ProveGuards(ctx)
	if err != nil {
		return nil, err
	}
	var all []check.Violation
	for _, m := range mismatches {
		all = append(all, check.Violation{Rule: "guards equal replay", Detail: m})
	}
	if unrest, err := restless(ctx, feed.New(store)); unrest != "" || err != nil { // its rows show less than the whole log
		return append(all, check.Violation{Rule: "everything is at rest when it is judged", Detail: unrest}), err
	}
	compared, err := replay.Compare(ctx, store, replay.Config{Against: replay.InTables(store)})
	for _, d := range compared.Differences {
		all = append(all, check.Violation{Rule: "projections equal replay", Detail: fmt.Sprintf("%s %s is %s: %v", d.Table, d.Key, d.Kind, d.Columns)})
	}
	for _, p := range compared.Projections {
		if p.Ahead {
			all = append(all, check.Violation{Rule: "projections equal replay", Detail: fmt.Sprintf("%s has come to %d, past the end of the log", p.Name, p.Kept)})
		}
	}
	return all, err
}
