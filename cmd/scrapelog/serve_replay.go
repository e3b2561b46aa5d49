package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"scrapelog/projections"
)

const (
	replayNice  = 10              // so that pages and runs come first
	replayGrace = 5 * time.Second // for what a replay has written to be read, once it was told to end
)

// replay compares the read models with the log, in a process of its own: "audit
// replay" holds every run in memory, which must be neither missing nor collected
// where runs are followed.
func (s *service) replay(ctx context.Context, progress func(done, all int64)) (projections.Comparison, error) {
	runtime.LockOSThread() // the kernel ends the child with the thread that started it
	defer runtime.UnlockOSThread()
	program, err := os.Executable()
	if err != nil {
		return projections.Comparison{}, fmt.Errorf("the program of the replay: %w", err)
	}
	var found bytes.Buffer
	child := exec.CommandContext(ctx, program, "audit", "replay", "--output", "json", "--timeout", "0s")
	child.Env = append(os.Environ(), "SCRAPELOG_DB="+s.config.Database) // whose password no list of processes may show
	child.Stdout, child.SysProcAttr, child.WaitDelay = &found, endsWithParent(), replayGrace
	notes, err := child.StderrPipe()
	if err != nil {
		return projections.Comparison{}, fmt.Errorf("replay: %w", err)
	}
	if err := child.Start(); err != nil {
		return projections.Comparison{}, fmt.Errorf("replay: %w", err)
	}
	yieldTo(child.Process.Pid)
	last := followReplay(notes, progress)
	return comparedBy(&found, child.Wait(), last)
}

// yieldTo lets everybody else go before a process, in the processor and, where
// memory runs out, in being left alone. It may be refused.
func yieldTo(pid int) {
	_ = syscall.Setpriority(syscall.PRIO_PGRP, pid, replayNice)
	_ = os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "oom_score_adj"), []byte("1000"), 0)
}

// followReplay reads how far a replay has come, and returns its last other word.
func followReplay(notes io.Reader, progress func(done, all int64)) (last string) {
	for lines := bufio.NewScanner(notes); lines.Scan(); {
		var done, all int64
		if _, err := fmt.Sscanf(lines.Text(), "replay: %d of %d", &done, &all); err == nil {
			progress(done, all)
		} else {
			last = strings.TrimPrefix(lines.Text(), "scrapelog: ")
		}
	}
	return last
}

// comparedBy is what a replay has found. That there are differences is one of the
// answers.
func comparedBy(found *bytes.Buffer, ended error, last string) (c projections.Comparison, err error) {
	var exit *exec.ExitError
	if ended != nil && (!errors.As(ended, &exit) || exit.ExitCode() != exitNegative) {
		return c, fmt.Errorf("replay: %s (%w)", last, ended)
	}
	answer := json.NewDecoder(found)
	answer.UseNumber() // of microseconds, say
	if err := answer.Decode(&c); err != nil {
		return c, fmt.Errorf("replay: its answer: %w", err)
	}
	return c, nil
}
