// Command scrapelog schedules and supervises scrapes, records what happened in
// an append-only log, and starts a lost scrape again the moment its connection
// is back.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // the one static binary knows every time zone

	"scrapelog/cmd/scrapelog/term"
)

// again is how long a second signal is the same wish as the first: timeout and some
// shells send it to the process and to its group. A later one ends the process at once.
const again = time.Second

// main is the process: arguments, streams, signals and the exit code. Everything
// else is run.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { time.Sleep(again); stop() })
	signal.Ignore(syscall.SIGXFSZ) // a file that may not grow fails the write, like a full disk, and not the process
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program. It ends early when ctx does, whose cause names the signal.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCmd()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, term.ErrReaderGone) {
		term.Complain(stderr, err)
	}
	return exitCode(ctx, err)
}
