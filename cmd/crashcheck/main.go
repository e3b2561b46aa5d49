// Command crashcheck kills scrapelog, again and again, and holds its log against
// what was seen from outside.
//
// It runs serve as a child on a database of its own, with fake scrapers that
// complete, fail, drop, truncate, fall silent and go away by a seeded script,
// kills it at random instants (most of them just after something happened),
// starts it again, and in the end lets everything come to rest. Then package
// check reads the log. It exits 1 when a promise was broken.
//
// With -duration it kills nothing: one serve lives for that long under every other
// fault, and must hold no more afterwards than before.
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

// promptly is how late the log may be, in the life of an instance.
const promptly = 300 * time.Millisecond

func command(ctx context.Context, args []string) error {
	o := options{progress: func(line string) { fmt.Println(" ", line) }}
	flags := flag.NewFlagSet("crashcheck", flag.ExitOnError)
	flags.IntVar(&o.cycles, "cycles", 1000, "how often to kill")
	flags.IntVar(&o.instances, "instances", 1, "how many serve one database, 1 or 2 (2 needs PostgreSQL)")
	flags.IntVar(&o.scrapers, "scrapers", 0, "how many fake scrapers (default 12 per instance)")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of everything that is random")
	flags.DurationVar(&o.limit, "for", 0, "end after this time, however many kills there were")
	flags.DurationVar(&o.bound, "bound", promptly, "how late the log may be")
	flags.StringVar(&o.binary, "binary", "", "the scrapelog to kill (default: one that is built now)")
	db := flags.String("db", "sqlite", "sqlite, postgres (a private server), or the URL of an empty database")
	disturb := flags.Bool("disturb", false, "restart the private server and kill its backends meanwhile")
	duration := flags.Duration("duration", 0, "kill nothing: let one instance live under every other fault for this time, on both databases, and compare what it holds before and after")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *duration > 0 {
		o.limit = *duration
		fmt.Printf("%s under every fault, on both databases, seed %d\n", *duration, o.seed)
		return soakBoth(ctx, o, os.Stdout)
	}
	if *db == "sqlite" && o.instances > 1 {
		return errors.New("one process serves a SQLite database; -instances 2 needs -db postgres")
	}
	end, err := o.complete(ctx, *db, *disturb)
	defer end()
	if err != nil {
		return err
	}
	fmt.Printf("%d kills on %s, instances %d, seed %d\n", o.cycles, *db, o.instances, o.seed)
	r, err := run(ctx, o)
	if err != nil {
		return err
	}
	return report(os.Stdout, r)
}

// complete gets what the test needs and was not given. end gives it back,
// however it went.
func (o *options) complete(ctx context.Context, db string, disturb bool) (end func(), err error) {
	var ends []func()
	end = func() {
		for _, end := range ends {
			end()
		}
	}
	if o.scrapers == 0 {
		o.scrapers = 12 * o.instances
	}
	switch db {
	case "sqlite":
	case "postgres":
		server, err := startServer()
		if err != nil {
			return end, err
		}
		ends = append(ends, server.End)
		o.database = server.URL
		if disturb {
			o.disturb = server.disturb
		}
	default:
		o.database = db
	}
	if disturb && o.disturb == nil {
		return end, errors.New("-disturb needs -db postgres")
	}
	if o.binary != "" {
		return end, nil
	}
	dir, err := os.MkdirTemp("", "crashcheck-build-")
	if err != nil {
		return end, err
	}
	ends = append(ends, func() { _ = os.RemoveAll(dir) })
	o.binary = filepath.Join(dir, "scrapelog")
	return end, build(ctx, o.binary)
}

// build makes the scrapelog to kill.
func build(ctx context.Context, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "scrapelog/cmd/scrapelog")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}
