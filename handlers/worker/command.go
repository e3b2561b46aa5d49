package worker

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// command is the argv of a program.
type command []string

// inherited is what a command sees of the worker's environment. The rest may
// hold secrets, such as a database's password.
var inherited = []string{"PATH", "HOME", "LANG", "TZ"}

// lineProgress is a line that the command printed, and which one it was.
type lineProgress struct {
	Line  string `json:"line"`
	Lines int64  `json:"lines"`
}

func (c command) run(ctx context.Context, order Order, out *stream) (int64, error) {
	p, err := startProcess(c, environment(order))
	if err != nil {
		return 0, fmt.Errorf("cannot start: %w", err)
	}
	defer p.end()
	count, err := p.follow(ctx, out)
	return count.items(), err
}

func environment(order Order) []string {
	env := []string{
		"SCRAPELOG_RUN_ID=" + order.RunID,
		"SCRAPELOG_SCRAPER=" + order.Scraper,
		"SCRAPELOG_PARAMS=" + string(order.Params),
		"SCRAPELOG_PLATFORMS=" + strings.Join(order.Platforms, ","),
	}
	for _, name := range inherited {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// follow reports what the process prints until it has ended and its output with
// it. A process that has left the group may hold the output open; it is waited
// for as long as lines keep coming.
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
			said = out.progress(lineProgress{fit(string(line), maxLine), count.lines})
			if exited == nil {
				idle.Reset(outputGrace)
			}
		case <-exited:
			exited = nil
			p.sweep()
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

// verdict is nil for exit status 0, else the status with the last lines of
// stderr. The process has exited.
func (p *process) verdict() error {
	if p.err == nil {
		return nil
	}
	if last := p.lastWords(); last != "" {
		return fmt.Errorf("%w: %s", p.err, last)
	}
	return p.err
}
