package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/instances"
	"scrapelog/projections"
)

// openLog opens the database of a command that works on the log directly, and
// checks that there is a log this program can read.
func openLog(ctx context.Context, cmd *cobra.Command, readOnly bool) (*eventstore.Store, error) {
	store, err := openDatabase(ctx, cmd, readOnly)
	if err != nil {
		return nil, err
	}
	if err := mustBeMigrated(ctx, store); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

func openDatabase(ctx context.Context, cmd *cobra.Command, readOnly bool) (*eventstore.Store, error) {
	url, err := config.DatabaseURL(cmd)
	if err != nil {
		return nil, err
	}
	store, err := eventstore.Open(ctx, eventstore.Config{URL: url, Logger: term.LoggerFrom(ctx), ReadOnly: readOnly})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w; %s", err, elsewhere())
	}
	if err == nil {
		if err = projections.MustNotBeNewer(ctx, store); err != nil {
			return nil, errors.Join(err, store.Close())
		}
	}
	return store, err
}

const (
	// demoDatabase is where the demo keeps its database, below the folder it was started in.
	demoDatabase = "scrapelog-data/scrapelog.db"
	// serviceConfig is the configuration of the packages.
	serviceConfig = "/etc/scrapelog/scrapelog.yaml"
)

// elsewhere says what to do when the database that was named is not there, or belongs to
// another user.
func elsewhere() string {
	if _, err := os.Stat(demoDatabase); err == nil {
		return "for the demo's, use --db sqlite:" + demoDatabase
	}
	if _, err := os.Stat(serviceConfig); err == nil {
		return "for the service's: sudo -u scrapelog SCRAPELOG_CONFIG=" + serviceConfig + " scrapelog …"
	}
	return "name the one that serve uses with --db sqlite:PATH or --db postgres://…"
}

func mustBeMigrated(ctx context.Context, store *eventstore.Store) error {
	current, latest, err := store.Migrated(ctx)
	switch {
	case err != nil:
		return err
	case current < latest:
		return term.Failf(term.ErrUnreachable, `the database has schema version %d and %d is needed; run "scrapelog db migrate"`, current, latest)
	}
	return nil
}

// maintain keeps servers and other maintenance out of the database until release is
// called. It fails while one of them uses the database; instead tells what to do then.
func maintain(ctx context.Context, store *eventstore.Store, instead string) (release func(), err error) {
	release, err = instances.New(store).Maintain(ctx)
	if errors.Is(err, eventstore.ErrHeld) {
		err = fmt.Errorf("%w; %s", err, instead)
	}
	return release, err
}

// maintaining opens the log for a command that must have the database to itself; instead
// tells what to do while a server has it.
func maintaining(instead string, do func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error) term.Action {
	return func(ctx context.Context, cmd *cobra.Command, out *term.Printer, args []string) error {
		store, err := openLog(ctx, cmd, false)
		if err != nil {
			return err
		}
		defer store.Close()
		release, err := maintain(ctx, store, instead)
		if err != nil {
			return err
		}
		defer release()
		return do(ctx, store, out, args)
	}
}

// databaseGroup returns a group of commands that open the database.
func databaseGroup(group *cobra.Command, cmds ...*cobra.Command) *cobra.Command {
	config.AddDatabaseFlag(group)
	return term.DataGroup(group, cmds...)
}

// Database returns "scrapelog db".
func Database() *cobra.Command {
	return databaseGroup(&cobra.Command{Use: "db", Short: "Migrate, inspect, back up or repair the database"},
		newDBMigrateCmd(), newDBStatusCmd(), newDBBackupCmd(), newDBRepairCmd())
}

func newDBMigrateCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "migrate",
		Example: "  scrapelog db migrate --db sqlite:new.db",
		Short:   "Bring the schema to the version of this program",
		RunE: term.Run(func(ctx context.Context, cmd *cobra.Command, out *term.Printer, _ []string) error {
			store, err := openDatabase(ctx, cmd, false)
			if err != nil {
				return err
			}
			defer store.Close()
			return migrate(ctx, store, out)
		}),
	}
}

func migrate(ctx context.Context, store *eventstore.Store, out *term.Printer) error {
	before, _, err := store.Migrated(ctx)
	if err != nil {
		return err
	}
	release, err := maintain(ctx, store, "a server migrates when it starts: restart it with this program")
	if err != nil {
		return err
	}
	defer release()
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	return showMigration(ctx, out, store, before)
}

func showMigration(ctx context.Context, out *term.Printer, store *eventstore.Store, before int64) error {
	current, _, err := store.Migrated(ctx)
	if err != nil {
		return err
	}
	value := struct {
		From int64 `json:"from"`
		To   int64 `json:"to"`
	}{before, current}
	return out.Facts(value, [2]string{"from", fmt.Sprint(before)}, [2]string{"to", fmt.Sprint(current)})
}

func newDBStatusCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Example: "  scrapelog db status",
		Short:   "Print the state of the database, and prove its guards against the log",
		Long: `status prints dialect, place, schema version, head, the live instances with the
first 20 runs that each follows, and whether the guard rows, from which decisions are
made, agree with the log. It checks tables, triggers and functions, the offsets of
consumer groups, the roles that may change the log, and that no user or token has more
rights than the log gives. It exits 1 when one of them is
wrong, or when the schema is not that of this program.`,
		RunE: term.RunWithin(term.ReadTimeout, func(ctx context.Context, cmd *cobra.Command, out *term.Printer, _ []string) error {
			url, err := config.DatabaseURL(cmd)
			if err != nil {
				return err
			}
			store, err := openDatabase(ctx, cmd, true)
			if err != nil {
				return err
			}
			defer store.Close()
			status, err := readStatus(ctx, store, eventstore.Redact(url))
			if err != nil {
				return err
			}
			return status.show(out)
		}),
	}
}

// dbStatus is what "db status" prints.
type dbStatus struct {
	Dialect    eventstore.Dialect   `json:"dialect"`
	Database   string               `json:"database"`
	Schema     int64                `json:"schema"`
	Latest     int64                `json:"schema_latest"`
	Head       int64                `json:"head"`
	Guards     int                  `json:"guards"`
	Mismatches []string             `json:"guard_mismatches"`
	Flaws      []eventstore.Flaw    `json:"flaws"`
	Raised     []credentials.Raised `json:"raised"` // users whose rows give more than the log
	Instances  []instances.Holding  `json:"instances"`
}

func readStatus(ctx context.Context, store *eventstore.Store, url string) (s dbStatus, err error) {
	s = dbStatus{Dialect: store.Dialect(), Database: url, Mismatches: []string{}, Flaws: []eventstore.Flaw{}, Raised: []credentials.Raised{}, Instances: []instances.Holding{}}
	if s.Schema, s.Latest, err = store.Migrated(ctx); err != nil || s.Schema != s.Latest {
		return s, err
	}
	if s.Head, err = store.Head(ctx); err != nil {
		return s, err
	}
	guards, err := store.Guards(ctx)
	if err != nil {
		return s, err
	}
	s.Guards = len(guards)
	mismatches, err := store.ProveGuards(ctx)
	if err != nil {
		return s, err
	}
	s.Mismatches = append(s.Mismatches, mismatches...)
	flaws, err := store.Flaws(ctx)
	if err != nil {
		return s, err
	}
	s.Flaws = append(s.Flaws, flaws...)
	raised, err := credentials.New(store, "").Raised(ctx)
	if err != nil {
		return s, err
	}
	s.Raised = append(s.Raised, raised...)
	instances, err := instances.New(store).Holdings(ctx, heldShown)
	s.Instances = append(s.Instances, instances...)
	return s, err
}

func (s dbStatus) show(out *term.Printer) error {
	pairs := [][2]string{
		{"dialect", string(s.Dialect)}, {"database", s.Database},
		{"schema", fmt.Sprintf("%d of %d", s.Schema, s.Latest)}, {"head", fmt.Sprint(s.Head)},
		{"guards", s.guards()},
	}
	for _, f := range s.Flaws {
		pairs = append(pairs, [2]string{string(f.Kind), f.Says})
	}
	for _, r := range s.Raised {
		pairs = append(pairs, [2]string{"rights", r.Says})
	}
	for _, i := range s.Instances {
		pairs = append(pairs, [2]string{"instance", fmt.Sprintf("%s since %s, open runs %d%s", i.ID, term.Stamp(i.StartedAt), i.OpenRuns, held(i))})
	}
	if err := out.Facts(s, pairs...); err != nil {
		return err
	}
	switch {
	case s.Schema != s.Latest:
		return term.Failf(term.ErrNegative, `schema version %d is not %d; run "scrapelog db migrate"`, s.Schema, s.Latest)
	case len(s.Mismatches) > 0:
		return term.Failf(term.ErrNegative, `%d of %d guards do not agree with the log: run "scrapelog events verify", then stop the service and run "scrapelog db repair-guards"`, len(s.Mismatches), s.Guards)
	}
	if len(s.Raised) > 0 {
		return term.Failf(term.ErrNegative, "%s", s.Raised[0].Says)
	}
	for _, f := range s.Flaws {
		if !f.Weak() {
			return term.Failf(term.ErrNegative, "%s", f.Says)
		}
	}
	return nil
}

// heldShown is how many of an instance's runs are named.
const heldShown = 20

// held names what an instance follows.
func held(i instances.Holding) string {
	var names []string
	for _, r := range i.Runs {
		names = append(names, r.Scraper+" "+r.Run.String())
	}
	if more := i.OpenRuns - len(i.Runs); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

func (s dbStatus) guards() string {
	if len(s.Mismatches) == 0 {
		return fmt.Sprintf("%d, as the log has them", s.Guards)
	}
	return fmt.Sprintf("%d, wrong: %s", s.Guards, strings.Join(s.Mismatches, "; "))
}
