package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A guard is a process of this same program that stands between the worker and one
// scrape. It is the subreaper of what the scrape starts: a process whose parent has
// ended becomes the guard's child, in any group or session, so the
// guard's descendants are that scrape and nothing else. It outlives a worker that is
// killed, and ends the scrape then.
//
// Its arguments are guardName, the path of the program, and the program's argv.
// Its descriptors are the scrape's standard output and error, guardReports, where
// it writes JSON, and guardOrders, where it reads single bytes.
const (
	guardName    = "scrape-guard"
	guardReports = 3
	guardOrders  = 4
	orderStop    = 't' // end the scrape, SIGTERM first. End of file: at once
)

// guardMark is the variable by which a process is known to belong to a guard; its
// value is a guardID.
const guardMark = "SCRAPELOG_GUARD"

// guardReport is a message of a guard to the worker: first that the program could not be
// started, or how it ended; then, when no process is left, the processes that the guard
// was not allowed to end.
type guardReport struct {
	Error  string             `json:"error,omitempty"`
	Ended  bool               `json:"ended,omitempty"`
	Status syscall.WaitStatus `json:"status,omitempty"`
	Spared []int              `json:"spared,omitempty"`
}

// init runs the guard if the process was started as one. It cannot wait for main, because
// test binaries run scrapes too.
func init() {
	if len(os.Args) > 2 && os.Args[0] == guardName {
		runGuard(os.Args[1], os.Args[2:])
		os.Exit(0)
	}
}

type guard struct {
	program int // its process id
	ended   bool
	reports *json.Encoder
	changes chan os.Signal // a child has ended
	stop    chan os.Signal // SIGTERM or SIGINT
	orders  chan byte      // closed when the worker is gone
}

// runGuard returns when no process of the scrape is left.
func runGuard(path string, argv []string) {
	syscall.CloseOnExec(guardReports)
	syscall.CloseOnExec(guardOrders)
	g := &guard{
		reports: json.NewEncoder(os.NewFile(guardReports, "reports")),
		changes: make(chan os.Signal, 1),
		stop:    make(chan os.Signal, 1),
		orders:  make(chan byte),
	}
	signal.Notify(g.changes, syscall.SIGCHLD)
	signal.Notify(g.stop, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go g.readOrders(os.NewFile(guardOrders, "orders"))
	if err := g.start(path, argv); err != nil {
		g.report(guardReport{Error: err.Error()})
		return
	}
	g.follow()
}

// report sends a message to the worker. It may fail if the worker has ended.
func (g *guard) report(r guardReport) { _ = g.reports.Encode(r) }

func (g *guard) readOrders(orders io.Reader) {
	defer close(g.orders)
	for order := make([]byte, 1); ; {
		if n, err := orders.Read(order); n == 0 || err != nil {
			return
		}
		g.orders <- order[0]
	}
}

// start runs the program, and lets go of its output. The kernel kills the program
// with the thread that started it: this is the main one, which stays.
func (g *guard) start(path string, argv []string) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	_ = os.WriteFile("/proc/self/comm", []byte(guardName), 0) // a name for ps only
	cmd := &exec.Cmd{
		Path: path, Args: argv, Stdout: os.Stdout, Stderr: os.Stderr,
		Env:         append(os.Environ(), guardMark+"="+guardID(os.Getpid())),
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	g.program = cmd.Process.Pid
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	for _, output := range []int{1, 2} {
		if err := unix.Dup3(int(null.Fd()), output, 0); err != nil {
			return err
		}
	}
	return null.Close()
}

// follow waits for the program's end or an order, and leaves nothing running.
func (g *guard) follow() {
	for {
		if g.reap(); g.ended {
			g.kill()
			return
		}
		gently := true
		select {
		case <-g.changes:
			continue
		case <-g.stop:
		case _, gently = <-g.orders:
		}
		if gently {
			g.terminate()
		}
		g.kill()
		return
	}
}

// reap takes note of children that have ended, adopted ones too.
func (g *guard) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || pid <= 0:
			return
		case pid == g.program:
			g.ended = true
			g.report(guardReport{Ended: true, Status: status})
		}
	}
}

// terminate asks every process of the scrape to end, and gives them killGrace.
func (g *guard) terminate() {
	signalAll(descendants(os.Getpid()), syscall.SIGTERM)
	late := time.After(killGrace)
	for poll := time.Tick(groupPoll); ; {
		g.reap()
		if len(descendants(os.Getpid())) == 0 {
			return
		}
		select {
		case <-late:
			return
		case _, there := <-g.orders:
			if !there {
				return
			}
		case <-g.changes:
		case <-poll:
		}
	}
}

// kill ends every process of the scrape, and those that they start meanwhile.
func (g *guard) kill() {
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		left := descendants(os.Getpid())
		spared := signalAll(left, syscall.SIGKILL)
		g.reap()
		if len(left) == len(spared) {
			g.report(guardReport{Spared: spared})
			return
		}
		select {
		case <-g.changes:
		case <-time.After(pause):
		}
	}
}
