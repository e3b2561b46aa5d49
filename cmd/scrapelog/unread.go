package main

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errReaderGone ends a command that follows something: what reads its output, such
// as head(1), has gone. It is quiet, as a write to the closed pipe is.
var errReaderGone = errors.New("the reader of the output has gone")

// hangupLook is how long one look for a hang-up lasts.
const hangupLook = time.Second

// following returns a context that ends with errReaderGone when what reads the
// printer's output has gone: at once, where a command that waits for news would
// notice at its next write only. Call stop when nothing is followed any more.
func (p *printer) following(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if file, ok := p.w.(*os.File); ok {
		go func() {
			if awaitHangup(ctx, file) {
				cancel(errReaderGone)
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

// awaitHangup reports whether the other end of a pipe, socket or terminal was
// closed before ctx ended. Files and devices have no other end.
func awaitHangup(ctx context.Context, file *os.File) bool {
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(file.Fd())}}
		n, err := unix.Poll(fds, int(hangupLook.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return false
		case n > 0:
			return fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
	return false
}
