package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	workerPause = 10 * time.Second // before a dead worker is started again
	workerGrace = 12 * time.Second // for a worker to end its scrapes, before it is killed
)

// keeper keeps a worker process running.
type keeper struct {
	log   *os.File
	say   func(format string, args ...any)
	ready chan struct{} // closed when the first worker has started

	process atomic.Pointer[os.Process] // nil: none runs
}

// worker returns the process id of the worker; 0 if none runs.
func (k *keeper) worker() int {
	if process := k.process.Load(); process != nil {
		return process.Pid
	}
	return 0
}

// kill is kill -9.
func (k *keeper) kill() {
	if process := k.process.Load(); process != nil {
		_ = process.Kill() // it may have ended by itself
	}
}

// run keeps its thread: the kernel ends the worker together with the thread that
// started it.
func (k *keeper) run(ctx context.Context, config string) error {
	runtime.LockOSThread()
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("the worker's program: %w", err)
	}
	for first := true; ; first = false {
		worker := exec.CommandContext(ctx, program, "worker", "--config", config)
		worker.Stdout, worker.Stderr = k.log, k.log
		worker.SysProcAttr = endsWithParent()
		worker.Cancel = func() error { return worker.Process.Signal(syscall.SIGTERM) }
		worker.WaitDelay = workerGrace
		if err := worker.Start(); err != nil {
			return fmt.Errorf("the worker: %w", err)
		}
		k.process.Store(worker.Process)
		if first {
			close(k.ready)
		} else {
			k.say("The worker runs again, as process %d.\n", worker.Process.Pid)
		}
		err := worker.Wait()
		k.process.Store(nil)
		if ctx.Err() != nil {
			return nil
		}
		k.say("The worker, process %d, has ended (%s). It is started again in ten seconds.\n", worker.Process.Pid, orExit0(err))
		select {
		case <-time.After(workerPause):
		case <-ctx.Done():
			return nil
		}
	}
}

func orExit0(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
