package main

// mutant is a bug that was put in on purpose, to see that it is found.
type mutant struct {
	name  string
	edits []edit
	rules []string // any of these must be broken by it
	two   bool     // shows only where two instances serve one PostgreSQL
}

// edit replaces a piece of a file, which must stand there exactly once.
type edit struct{ file, old, new string }

// mutants are the eight bugs of which earlier checkers found each.
var mutants = []mutant{
	{
		name:  "random id for the recovery run",
		rules: []string{"a recovery run's id follows from its cause"},
		edits: []edit{{"domain/rescrape.go", `runID := uuid.NewSHA1(rescrapeNamespace, id[:])`, `runID := uuid.New()`}},
	},
	{
		name:  "projection and offset in two transactions",
		rules: []string{"projections equal replay"},
		edits: []edit{
			{"cmd/scrapelog/serve_service.go", `groups = append(groups, react.Project(p))`, `groups = append(groups, react.Project(&deferred{Projection: p, store: s.store}))`},
			{"cmd/scrapelog/serve_service.go", `// loadRun folds a run from the log.`, `type deferred struct {
	projections.Projection
	store *eventstore.Store
	begun bool
	queue chan func()
}

func (d *deferred) Apply(_ context.Context, _ *sql.Tx, r eventstore.Recorded, e domain.Event) error {
	if !d.begun {
		d.begun, d.queue = true, make(chan func(), 1000)
		go func() {
			for do := range d.queue {
				do()
			}
		}()
	}
	d.queue <- func() {
		_ = d.store.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error { return d.Projection.Apply(ctx, tx, r, e) })
	}
	return nil
}

// loadRun folds a run from the log.`},
			{"cmd/scrapelog/serve_service.go", `import (
	"context"`, `import (
	"context"
	"database/sql"`},
		},
	},
	{
		name:  "no open-run guard",
		rules: []string{"one run is open per scraper"},
		edits: []edit{{"domain/scraper.go", `	case s.OpenRun != uuid.Nil:
		return SkipRunOpen
	case s.Paused:`, `	case s.Paused:`}},
	},
	{
		name:  "no version check",
		rules: []string{"a run ends once"},
		edits: []edit{{"eventstore/record.go", `at != r.Expected {`, `at < r.Expected {`}},
	},
	{
		name:  "offset moved before the work",
		rules: []string{"a restored connection has one answer"},
		edits: []edit{{"handlers/react/groups.go", `				_, err := handle(ctx, c, by)
				if refused(err) {`, `				go func() { _, _ = handle(context.Background(), c, by) }()
				var err error
				if refused(err) {`}},
	},
	{
		name:  "no recovery at start",
		rules: []string{"no run is open without a live instance"},
		edits: []edit{{"cmd/scrapelog/serve_tenure.go", `	if err := t.insist(ctx, keeper.Begin); err != nil {
		return err
	}
`, ``}},
	},
	{
		name:  "nil error taken as success",
		rules: []string{"the log says nothing that the scraper did not say"},
		edits: []edit{{"handlers/scrape/classify.go", "return o.lost(domain.CauseEOF, `the stream ended without \"completed\" or \"failed\"`)", `return domain.ReportCompleted{ToRun: o.toRun()}`}},
	},
	{
		name:  "one instance ends another's runs",
		rules: []string{"a live instance's run is not ended for it"},
		two:   true,
		edits: []edit{{"handlers/instance/instance.go", `if guard.OpenRun == uuid.Nil || guard.Instance != id {`, `if guard.OpenRun == uuid.Nil {`}},
	},
}
