package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/projections"
)

// tables are those of the projections.
var tables = map[string][]string{"runs": {"runs", "run_counts"}, "scrapers": {"scrapers"}}

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
	for _, p := range projections.All() {
		differences, err := rebuilt(ctx, store, p.Name())
		if err != nil {
			return all, err
		}
		for _, d := range differences {
			all = append(all, check.Violation{Rule: "projections equal replay", Detail: d})
		}
	}
	return all, nil
}

// rebuilt rebuilds a projection and tells the rows that are not as they were.
func rebuilt(ctx context.Context, store *eventstore.Store, name string) (differences []string, err error) {
	live := map[string][]string{}
	for _, table := range tables[name] {
		if live[table], err = dump(ctx, store, table); err != nil {
			return nil, err
		}
	}
	if err := projections.Rebuild(ctx, store, name, nil); err != nil {
		return nil, err
	}
	for _, table := range tables[name] {
		fresh, err := dump(ctx, store, table)
		if err != nil {
			return nil, err
		}
		if len(live[table]) != len(fresh) {
			differences = append(differences, fmt.Sprintf("%s had %d rows, the log says %d", table, len(live[table]), len(fresh)))
		}
		for _, row := range fresh {
			if _, same := slices.BinarySearch(live[table], row); !same {
				differences = append(differences, fmt.Sprintf("%s has not the row %s", table, row))
			}
		}
	}
	return differences, nil
}

// dump is every row of a table, byte for byte, sorted.
func dump(ctx context.Context, store *eventstore.Store, table string) (all []string, err error) {
	rows, err := store.Reader().QueryContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		var b strings.Builder
		for i, column := range columns {
			fmt.Fprintf(&b, "%s=%#v ", column, *values[i].(*any))
		}
		all = append(all, b.String())
	}
	slices.Sort(all)
	return all, rows.Err()
}
