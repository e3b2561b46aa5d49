package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"scrapelog/cmd/crashcheck/check"
)

// process is one run of serve, from start to end.
type process struct {
	cmd    *exec.Cmd
	record *record
	life   int
	base   string
	out    *output
	ready  chan struct{} // closed when it was ready, or is over
	done   chan struct{}
}

// launch starts a serve. Its life is part of every request to a scraper.
func (c *crash) launch(slot int, config string) (*process, error) {
	p := &process{record: c.record, base: "http://" + c.listen[slot], ready: make(chan struct{}), done: make(chan struct{})}
	c.record.locked(func(s *check.Seen) {
		p.life = len(s.Lives)
		s.Lives = append(s.Lives, check.Life{Began: time.Now()})
	})
	p.out = &output{serving: func(id string) {
		c.record.locked(func(s *check.Seen) { s.Lives[p.life].Instances = append(s.Lives[p.life].Instances, id) })
	}}
	p.cmd = exec.Command(c.binary, "serve", "--config", config, "--db", c.database, "--listen", c.listen[slot])
	p.cmd.Dir = c.dir
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", lifeVariable, p.life), "XDG_STATE_HOME="+c.dir, "NO_COLOR=1")
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its state
		close(p.done)
	}()
	go p.awaitReady()
	return p, nil
}

// awaitReady notes when /readyz was first 200.
func (p *process) awaitReady() {
	defer close(p.ready)
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
		}
		res, err := client.Get(p.base + "/readyz")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			p.record.locked(func(s *check.Seen) { s.Lives[p.life].Ready = time.Now() })
			return
		}
	}
}

// kill is kill -9. It returns when the process is gone; false: it had ended by
// itself.
func (p *process) kill() bool {
	if p.fell() {
		return false
	}
	p.over()
	_ = p.cmd.Process.Kill() // it may have ended this moment
	<-p.done
	return true
}

// stop asks it to end, as a deploy does.
func (p *process) stop() {
	if p.fell() {
		return
	}
	p.record.locked(func(s *check.Seen) { s.Lives[p.life].Asked = time.Now() })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		p.record.violated("serve stops when it is asked to", fmt.Sprintf("life %d did not in 15 s:\n%s", p.life, p.out))
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.over()
	if code := p.cmd.ProcessState.ExitCode(); code > 0 {
		p.record.violated("serve stops when it is asked to", fmt.Sprintf("life %d ended with %s:\n%s", p.life, p.cmd.ProcessState, p.out))
	}
}

// fell notes that the process had ended by itself, if it had.
func (p *process) fell() bool {
	select {
	case <-p.done:
	default:
		return false
	}
	p.over()
	how := fmt.Sprintf("%s:\n%s", p.cmd.ProcessState, p.out)
	p.record.locked(func(s *check.Seen) { s.Lives[p.life].Fell = how })
	return true
}

func (p *process) over() {
	p.record.locked(func(s *check.Seen) { s.Lives[p.life].Ended = time.Now() })
}

// output keeps the end of what a process prints, and listens for its instance id.
type output struct {
	serving func(id string)

	mu   sync.Mutex
	rest []byte
	last []string
}

var servingLine = regexp.MustCompile(` serving .*instance=([0-9a-f-]{36})`)

// outputKept is how many lines are shown of a process that went wrong.
const outputKept = 40

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = append(o.rest, b...)
	for {
		line, rest, whole := bytes.Cut(o.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		o.rest = rest
		if id := servingLine.FindSubmatch(line); id != nil {
			o.serving(string(id[1]))
		}
		o.last = append(o.last, string(line))
		if len(o.last) > outputKept {
			o.last = o.last[1:]
		}
	}
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.last, "\n")
}
