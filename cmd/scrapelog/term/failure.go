package term

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
)

// Failures of commands that no other package defines.
var (
	ErrNegative    = errors.New("the answer is no")
	ErrUsage       = errors.New("usage")
	ErrUnreachable = errors.New("unreachable")
	ErrRefused     = errors.New("refused")
	ErrTimedOut    = errors.New("timed out")
)

// failure is an error whose text is meant for people and whose kind decides the
// exit code.
type failure struct {
	kind error
	text string
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

// Failf returns an error with a text for people and a kind for the exit code.
func Failf(kind error, format string, args ...any) error {
	return &failure{kind, fmt.Sprintf(format, args...)}
}

// Usagef returns a usage error.
func Usagef(format string, args ...any) error { return Failf(ErrUsage, format, args...) }

// Complain prints an error in one line.
func Complain(w io.Writer, err error) {
	fmt.Fprintf(w, "scrapelog: %s\n", safe(err.Error()))
}

// UnwrapPath returns what err says of a path, without the system call and the path.
func UnwrapPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// CannotListen returns the error of an address that cannot be listened at, without
// the system call that net names.
func CannotListen(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return Failf(ErrUnreachable, "%s is in use by another program; stop it or choose another address with --listen", address)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return Failf(ErrUnreachable, "cannot listen at %s: %v", address, err)
}
