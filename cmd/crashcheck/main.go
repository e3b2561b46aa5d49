// Command crashcheck kills scrapelog, again and again, and holds its log against
// what was seen from outside.
//
// It runs serve as a child on a database of its own, with fake scrapers that
// complete, fail, drop, truncate, fall silent and go away by a seeded script,
// kills it at random instants (most of them just after something happened),
// starts it again, and in the end lets everything come to rest. Then package
// check reads the log. It exits 1 when a promise was broken.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

var errViolated = errors.New("promises were broken")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crashcheck:", err)
		if errors.Is(err, errViolated) {
			os.Exit(1)
		}
		os.Exit(2)
	}
}

func command(ctx context.Context, args []string) (err error) {
	o := options{progress: func(line string) { fmt.Println(" ", line) }}
	flags := flag.NewFlagSet("crashcheck", flag.ExitOnError)
	flags.IntVar(&o.cycles, "cycles", 1000, "how often to kill")
	flags.IntVar(&o.instances, "instances", 1, "how many serve one database, 1 or 2 (2 needs PostgreSQL)")
	flags.IntVar(&o.scrapers, "scrapers", 0, "how many fake scrapers (default 12 per instance)")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of everything that is random")
	flags.DurationVar(&o.limit, "for", 0, "end after this time, however many kills there were")
	flags.DurationVar(&o.bound, "bound", 300*time.Millisecond, "how late the log may be")
	flags.StringVar(&o.binary, "binary", "", "the scrapelog to kill (default: one that is built now)")
	db := flags.String("db", "sqlite", "sqlite, postgres (a private server), or the URL of an empty database")
	disturb := flags.Bool("disturb", false, "restart the private server and kill its backends meanwhile")
	if err := flags.Parse(args); err != nil {
		return err
	}
	end, err := o.complete(*db, *disturb)
	if err != nil {
		return err
	}
	defer end()
	fmt.Printf("%d kills on %s, instances %d, seed %d\n", o.cycles, *db, o.instances, o.seed)
	r, err := run(ctx, o)
	if err != nil {
		return err
	}
	return report(os.Stdout, r)
}

// complete gets what the test needs and was not given.
func (o *options) complete(db string, disturb bool) (end func(), err error) {
	end = func() {}
	if o.scrapers == 0 {
		o.scrapers = 12 * o.instances
	}
	var server *server
	switch db {
	case "sqlite":
	case "postgres":
		if server, err = startServer(); err != nil {
			return end, err
		}
		o.database, end = server.URL, server.End
	default:
		o.database = db
	}
	if disturb {
		if server == nil {
			end()
			return func() {}, errors.New("-disturb needs -db postgres")
		}
		o.disturb = server.disturb
	}
	if o.binary != "" {
		return end, nil
	}
	built, remove, err := build("")
	if err != nil {
		end()
		return func() {}, err
	}
	o.binary = built
	endServer := end
	return func() { endServer(); remove() }, nil
}

// build makes the scrapelog to kill, from the sources as an overlay changes them.
func build(overlay string) (binary string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "crashcheck-build-")
	if err != nil {
		return "", nil, err
	}
	binary = filepath.Join(dir, "scrapelog")
	args := []string{"build", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, "scrapelog/cmd/scrapelog")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("go build: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return binary, func() { _ = os.RemoveAll(dir) }, nil
}
