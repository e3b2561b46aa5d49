package worker

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// killGrace is what a process group has between SIGTERM and SIGKILL.
	killGrace = 2 * time.Second
	// outputGrace is how long output may stay silent and open when the process
	// has exited.
	outputGrace = 2 * time.Second
	groupPoll   = 20 * time.Millisecond
)

// process is a running program and its group. The pipes are ours, not exec's:
// Wait then returns when the program exits, not when the last of its descendants
// has let go of its output.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *os.File
	lines          chan []byte   // of stdout; closed at the end of both outputs
	deaf           chan struct{} // closed when nobody reads lines any more
	silent         chan struct{} // closed at the end of stderr
	exited         chan struct{} // closed when the program has exited and err is set
	err            error
	swept          bool

	mu   sync.Mutex
	tail tail
}

func startProcess(argv, env []string) (*process, error) {
	p := &process{
		cmd:    exec.Command(argv[0], argv[1:]...),
		lines:  make(chan []byte),
		deaf:   make(chan struct{}),
		silent: make(chan struct{}),
		exited: make(chan struct{}),
	}
	p.cmd.Env = env
	p.cmd.SysProcAttr = ownGroup()
	if err := p.start(); err != nil {
		return nil, err
	}
	go p.readLines()
	go p.readTail()
	go p.wait()
	return p, nil
}

// start leaves the program with the only writing ends of the pipes.
func (p *process) start() (err error) {
	var stdout, stderr *os.File
	if p.stdout, stdout, err = os.Pipe(); err != nil {
		return err
	}
	defer stdout.Close()
	if p.stderr, stderr, err = os.Pipe(); err != nil {
		p.stdout.Close()
		return err
	}
	defer stderr.Close()
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	if err = p.cmd.Start(); err != nil {
		p.stdout.Close()
		p.stderr.Close()
	}
	return err
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

func (p *process) readTail() {
	defer close(p.silent)
	_, _ = io.Copy(p, p.stderr) // ends when the pipe does
}

// Write keeps the end of stderr.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tail.Write(b)
}

func (p *process) lastWords() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tail.String()
}

func (p *process) wait() {
	p.err = p.cmd.Wait()
	close(p.exited)
}

// signal reaches the whole group. ESRCH means that nobody is left.
func (p *process) signal(sig syscall.Signal) error {
	return syscall.Kill(-p.cmd.Process.Pid, sig)
}

// sweep takes with an exited program what it left behind in its group: a scrape
// that has ended must not go on in the background.
func (p *process) sweep() {
	_ = p.signal(syscall.SIGKILL)
	p.swept = true
}

// end leaves nothing of the group running. The program may still run: the group
// is then told to stop, and killed when it does not.
func (p *process) end() {
	close(p.deaf)
	if !p.swept {
		p.stop()
	}
	p.stdout.Close()
	p.stderr.Close()
}

func (p *process) stop() {
	poll := time.NewTicker(groupPoll)
	defer poll.Stop()
	late := time.After(killGrace)
	for err := p.signal(syscall.SIGTERM); err == nil && alive(p.cmd.Process.Pid); err = p.signal(0) {
		select {
		case <-late:
			_ = p.signal(syscall.SIGKILL)
			<-p.exited
			return
		case <-poll.C:
		}
	}
	<-p.exited
}
