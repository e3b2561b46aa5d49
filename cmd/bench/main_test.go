package main

import (
	"strings"
	"testing"
)

// TestTheTable has two runs of two databases judged.
func TestTheTable(t *testing.T) {
	var runs [][]result
	for _, output := range []string{`
BenchmarkAppend/sqlite/writers=8-2  1  4000 scrapelog/s  1000 plain/s  4.0 x-plain
BenchmarkAppend/postgres/writers=8-2  1  1000 scrapelog/s  1000 plain/s  1.0 x-plain
BenchmarkCommitToHandler/sqlite-2  1  0.5 scrapelog-p50-ms  5.0 watermill-10ms-poll-p50-ms  0.1 x-watermill-10ms-poll-p50
BenchmarkPages/sqlite/runs?status_failed-2  200  9 p99-ms  1.5 p99-ratio
BenchmarkPages/sqlite/runs?status_completed-2  200  21 p99-ms  1.1 p99-ratio
BenchmarkTwoInstances-2  1  900 two/s  1000 one/s  0.9 x-one
BenchmarkRace/postgres-2  1  0 skipped
`, `
BenchmarkAppend/sqlite/writers=8-2  1  2900 scrapelog/s  1000 plain/s  2.9 x-plain
`} {
		runs = append(runs, parse(output))
	}
	var table strings.Builder
	missed := printTable(&table, runs)
	for _, want := range []string{
		"append, 8 writers plain INSERT 3450 (2900–4000) 1000 3.45 (2.9–4) · 1 ≥ 3.5 · ≥ 1.5 MISSED", // the median of two lies between them
		"commit to handler, p50 ms watermill-sql, 10 ms poll 0.5 – 0.1 ≤ 1 reached",
		"/runs, any filter, 1 M runs, p99 ms 21 – ≤ 20 MISSED", // the worst of all filters
		"the same 1,000 runs 1.5 – ≤ 2 reached",
		"two instances, 32 writers one instance – 900 0.9 ≥ 0.8 reached",
		"skipped under 16 racing writers – 0 ≤ 0 reached",
	} {
		found := false
		for line := range strings.Lines(table.String()) {
			found = found || strings.Join(strings.Fields(line), " ") == want
		}
		if !found {
			t.Errorf("no line %q", want)
		}
	}
	if missed != 3 {
		t.Errorf("%d goals missed, want 3", missed)
	}
	if t.Failed() {
		t.Log("\n" + table.String())
	}
}
