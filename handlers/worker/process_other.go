//go:build !linux

package worker

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// tree is a running program and its process group.
type tree struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the program has exited and err is set
	err    error
	spared []int
}

func startTree(argv, env []string, stdout, stderr *os.File) (*tree, error) {
	t := &tree{cmd: exec.Command(argv[0], argv[1:]...), exited: make(chan struct{})}
	t.cmd.Env, t.cmd.Stdout, t.cmd.Stderr = env, stdout, stderr
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	go t.wait()
	return t, nil
}

// wait takes with an exited program what it left behind in its group: a scrape that
// has ended must not go on in the background.
func (t *tree) wait() {
	t.err = t.cmd.Wait()
	_ = t.signal(syscall.SIGKILL)
	close(t.exited)
}

// signal reaches the whole group. ESRCH means that no process is left in it.
func (t *tree) signal(sig syscall.Signal) error { return syscall.Kill(-t.cmd.Process.Pid, sig) }

// end leaves nothing of the group running. What still runs is told to stop, and
// killed when it does not.
func (t *tree) end() {
	poll := time.NewTicker(groupPoll)
	defer poll.Stop()
	late := time.After(killGrace)
	for err := t.signal(syscall.SIGTERM); err == nil; err = t.signal(0) {
		select {
		case <-late:
			_ = t.signal(syscall.SIGKILL)
			<-t.exited
			return
		case <-poll.C:
		}
	}
	<-t.exited
}

func killForsaken() int { return 0 }

func reapOrphans(context.Context) error { return nil }
