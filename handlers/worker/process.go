package worker

import (
	"bytes"
	"os"
	"sync"
	"time"
)

const (
	// killGrace is what a scrape has between SIGTERM and SIGKILL.
	killGrace = 2 * time.Second
	// outputGrace is how long output may stay silent and open when the process
	// has exited.
	outputGrace = 2 * time.Second
	groupPoll   = 20 * time.Millisecond
)

// process is a running program with all that it starts. The pipes are ours, not
// exec's: its end is then noticed when the program exits, not when the last of its
// descendants has let go of its output.
type process struct {
	*tree
	stdout, stderr *os.File
	lines          chan []byte   // of stdout; closed at the end of both outputs
	deaf           chan struct{} // closed when lines are not read any more
	silent         chan struct{} // closed at the end of stderr

	mu    sync.Mutex
	words lastWords
}

// startError is a program that could not be started.
type startError struct{ why string }

func (e *startError) Error() string { return "cannot start: " + e.why }

// startProcess leaves the program with the only writing ends of the pipes. It may
// also be told by the process's end that the program could not be started.
func startProcess(argv, env []string) (*process, error) {
	p := &process{lines: make(chan []byte), deaf: make(chan struct{}), silent: make(chan struct{})}
	var stdout, stderr *os.File
	var err error
	if p.stdout, stdout, err = os.Pipe(); err != nil {
		return nil, &startError{err.Error()}
	}
	defer stdout.Close()
	if p.stderr, stderr, err = os.Pipe(); err != nil {
		p.stdout.Close()
		return nil, &startError{err.Error()}
	}
	defer stderr.Close()
	if p.tree, err = startTree(argv, env, stdout, stderr); err != nil {
		p.stdout.Close()
		p.stderr.Close()
		return nil, &startError{err.Error()}
	}
	go p.readLines()
	go p.readErrors()
	return p, nil
}

// readLines closes lines when both outputs have ended, so that the last words
// are known when the last line is.
func (p *process) readLines() {
	defer close(p.lines)
	eachLine(p.stdout, func(line []byte) {
		select {
		case p.lines <- bytes.Clone(line):
		case <-p.deaf:
		}
	})
	<-p.silent
}

func (p *process) readErrors() {
	defer close(p.silent)
	eachLine(p.stderr, func(line []byte) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.words.add(line)
	})
}

func (p *process) lastWords() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.words.String()
}

// end leaves nothing of the scrape running.
func (p *process) end() {
	close(p.deaf)
	p.tree.end()
	p.stdout.Close()
	p.stderr.Close()
}
