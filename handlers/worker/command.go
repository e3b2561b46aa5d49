package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// command runs a program.
type command struct {
	argv []string
	env  []string // names of variables that it inherits beside the usual ones
	log  *slog.Logger
}

// lineProgress is a line that the command printed, and which one it was.
type lineProgress struct {
	Line  string `json:"line"`
	Lines int64  `json:"lines"`
}

func (c command) run(ctx context.Context, order Order, out *stream) (int64, error) {
	p, err := startProcess(c.argv, environment(order, c.env))
	if err != nil {
		return 0, err
	}
	log := c.log.With("run", order.RunID)
	defer func() {
		if p.end(); len(p.spared) > 0 {
			log.Warn("processes of the scrape are left; they are another user's, and the worker may not end them", "processes", p.spared)
		}
	}()
	count, err := p.follow(ctx, out)
	switch {
	case err != nil || count.given != nil:
	case count.wrong != "":
		log.Warn("counting lines as items: the last line with items does not give a whole number", "lines", count.lines, "line", count.wrong)
	default:
		log.Info("counting lines as items: no line is JSON with a whole number of items", "lines", count.lines)
	}
	return count.items(), err
}

// follow reports what the process prints until it has ended and its output with
// it. A process that could not be ended may hold the output open; it is waited for
// as long as lines keep coming.
func (p *process) follow(ctx context.Context, out *stream) (count tally, err error) {
	exited, idle := p.exited, time.NewTimer(0)
	idle.Stop()
	defer idle.Stop()
	for lines := p.lines; lines != nil || exited != nil; {
		var said error
		select {
		case line, more := <-lines:
			if !more {
				lines = nil
				continue
			}
			count.add(line)
			said = out.progress(lineProgress{fit(string(line[:min(len(line), 2*maxLine)]), maxLine), count.lines})
			if exited == nil {
				idle.Reset(outputGrace)
			}
		case <-exited:
			exited = nil
			idle.Reset(outputGrace)
		case <-idle.C:
			lines = nil
		case <-out.beats.C:
			said = out.beat()
		case <-ctx.Done():
			return count, context.Cause(ctx)
		}
		if said != nil {
			return count, said
		}
	}
	return count, p.verdict()
}

// verdict is nil for exit status 0, else the status with the last error of stderr.
// The process has exited.
func (p *process) verdict() error {
	if _, notStarted := errors.AsType[*startError](p.err); p.err == nil || notStarted {
		return p.err
	}
	if last := p.lastWords(); last != "" {
		return fmt.Errorf("%w: %s", p.err, last)
	}
	return p.err
}
