package term

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// ErrReaderGone ends a command that follows something: what reads its output, such
// as head(1), has gone. It is quiet, as a write to the closed pipe is.
var ErrReaderGone = errors.New("the reader of the output has gone")

// Following returns a context that ends with errReaderGone when what reads the
// printer's output has gone: at once, where a command that waits for news would
// notice at its next write only. Call stop when nothing is followed any more.
func (p *Printer) Following(ctx context.Context) (_ context.Context, stop func()) {
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
