package proof

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"scrapelog/eventstore"
)

// linesTogether is how many lines are parsed by one goroutine at a time.
const linesTogether = 256

// Read takes all lines of a file and yields their events in order. To parse them costs
// more than anything else in an import, so several goroutines do that ahead of yield.
// The error wraps domain.ErrInvalid when a line is wrong.
func (x *Exported) Read(ctx context.Context, file io.Reader, yield func(Event) error) error {
	group, ctx := errgroup.WithContext(ctx)
	ahead := make(chan chan []parsed, 2*runtime.GOMAXPROCS(0))
	group.Go(func() error {
		defer close(ahead)
		return parseAhead(ctx, file, ahead)
	})
	group.Go(func() error {
		for part := range ahead {
			for _, p := range <-part {
				e, err := x.take(p)
				if err == nil {
					err = yield(e)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return group.Wait()
}

// parseAhead sends the parts of a file in their order, each as soon as its parsing has
// begun.
func parseAhead(ctx context.Context, file io.Reader, ahead chan<- chan []parsed) error {
	lines := bufio.NewReaderSize(file, 1<<20)
	for {
		sources, err := nextLines(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
		}
		part := make(chan []parsed, 1)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case ahead <- part:
		}
		go func() { part <- parseLines(sources) }()
		if err != nil {
			return nil
		}
	}
}

// nextLines reads up to linesTogether lines. The error is io.EOF with the last of them.
func nextLines(from *bufio.Reader) (lines [][]byte, err error) {
	for len(lines) < linesTogether && err == nil {
		var line []byte
		if line, err = from.ReadBytes('\n'); len(bytes.TrimSpace(line)) > 0 {
			lines = append(lines, line)
		}
	}
	return lines, err
}

func parseLines(sources [][]byte) []parsed {
	all := make([]parsed, len(sources))
	for i, source := range sources {
		all[i] = parseLine(source)
	}
	return all
}
