package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// tree is a running program with all that it starts, under a guard.
type tree struct {
	guard  *exec.Cmd
	orders *os.File
	exited chan struct{} // closed when the program has exited and err is set
	gone   chan struct{} // closed when nothing is left, and spared is set
	err    error
	spared []int // what could not be ended, for want of permission
}

func startTree(argv, env []string, stdout, stderr *os.File) (*tree, error) {
	program := exec.Command(argv[0])
	if program.Err != nil {
		return nil, program.Err
	}
	reports, theirReports, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirReports.Close()
	theirOrders, orders, err := os.Pipe()
	if err != nil {
		reports.Close()
		return nil, err
	}
	defer theirOrders.Close()
	t := &tree{orders: orders, exited: make(chan struct{}), gone: make(chan struct{})}
	t.guard = &exec.Cmd{
		Path: "/proc/self/exe", // this very program, also when its file was replaced
		Args: append([]string{guardName, program.Path}, argv...), Env: env,
		Stdout: stdout, Stderr: stderr, ExtraFiles: []*os.File{theirReports, theirOrders},
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if err := t.guard.Start(); err != nil {
		reports.Close()
		orders.Close()
		return nil, fmt.Errorf("guard: %w", err)
	}
	guards.Store(t.guard.Process.Pid, true)
	go t.wait(reports)
	return t, nil
}

// wait follows what the guard reports, until it has ended.
func (t *tree) wait(reports *os.File) {
	defer close(t.gone)
	defer t.orders.Close()
	defer reports.Close()
	told := false
	for dec := json.NewDecoder(reports); ; {
		var r guardReport
		if dec.Decode(&r) != nil {
			break
		}
		switch {
		case r.Error != "":
			t.err = &startError{r.Error}
		case r.Ended:
			t.err = exitError(r.Status)
		default:
			t.spared = r.Spared
			continue
		}
		told = true
		close(t.exited)
	}
	_ = t.guard.Wait()
	guards.Delete(t.guard.Process.Pid)
	if !told {
		t.err = errors.New("the guard process of the scrape was killed")
		killForsaken()
		close(t.exited)
	}
}

// end leaves nothing running. What still runs is told to stop, and killed when it
// does not.
func (t *tree) end() {
	_, _ = t.orders.Write([]byte{orderStop}) // fails when the guard has ended
	<-t.gone
}

// exitError is nil for exit status 0, and otherwise reads as os/exec has it.
func exitError(status syscall.WaitStatus) error {
	switch {
	case status.Signaled() && status.CoreDump():
		return fmt.Errorf("signal: %s (core dumped)", status.Signal())
	case status.Signaled():
		return fmt.Errorf("signal: %s", status.Signal())
	case status.ExitStatus() != 0:
		return fmt.Errorf("exit status %d", status.ExitStatus())
	}
	return nil
}
