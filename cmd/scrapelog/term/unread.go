package term

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// ErrReaderGone ends a command that follows something when the reader of its output,
// such as head(1), has closed the pipe. No message is printed for it.
var ErrReaderGone = errors.New("the reader of the output has gone")

// Write writes to the output. The error is [ErrReaderGone] when its reader has gone: a
// program that ignores SIGPIPE, or whose output is not descriptor 1, is told by an error.
func (p *Printer) Write(b []byte) (int, error) {
	n, err := p.Out.Write(b)
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		err = ErrReaderGone
	}
	return n, err
}

// Printf writes to the output of a command without data flags.
func Printf(cmd *cobra.Command, format string, args ...any) error {
	_, err := fmt.Fprintf(&Printer{Out: cmd.OutOrStdout()}, format, args...)
	return err
}

// WhileRead calls do with a context that ends as soon as the reader of the output has
// gone. Without it, a waiting command would notice at its next write. What fails
// because of it is returned as [ErrReaderGone].
func (p *Printer) WhileRead(ctx context.Context, do func(context.Context) error) error {
	ctx, stop := p.following(ctx)
	defer stop()
	err := do(ctx)
	if err != nil && errors.Is(context.Cause(ctx), ErrReaderGone) {
		return ErrReaderGone
	}
	return err
}

// following returns a context that ends with [ErrReaderGone]. The caller must call stop.
func (p *Printer) following(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop = func() { cancel(nil) }
	file, ok := p.Out.(*os.File)
	if !ok {
		return ctx, stop
	}
	stopped, stopping, err := os.Pipe()
	if err != nil { // the next write will tell
		return ctx, stop
	}
	looked := make(chan struct{})
	go func(output, stopped uintptr) {
		defer close(looked)
		if awaitHangup(output, stopped) {
			cancel(ErrReaderGone)
		}
	}(file.Fd(), stopped.Fd())
	return ctx, func() {
		cancel(nil)
		_ = stopping.Close()
		<-looked
		_ = stopped.Close()
	}
}

// awaitHangup reports whether the other end of the output (a pipe, a socket, a
// terminal) was closed before that of the pipe stopped. Files and devices have no
// other end.
func awaitHangup(output, stopped uintptr) bool {
	for {
		fds := []unix.PollFd{{Fd: int32(output)}, {Fd: int32(stopped)}}
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || fds[1].Revents != 0:
			return false
		case fds[0].Revents != 0:
			return fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
}
