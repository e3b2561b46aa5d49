package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// What ends a command without success and is nobody else's to name.
var (
	errNegative    = errors.New("the answer is no")
	errUsage       = errors.New("usage")
	errUnreachable = errors.New("unreachable")
	errRefused     = errors.New("refused")
	errTimedOut    = errors.New("timed out")
)

// failure is an error whose text is meant for people and whose kind decides the
// exit code.
type failure struct {
	kind error
	text string
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

func failf(kind error, format string, args ...any) error {
	return &failure{kind, fmt.Sprintf(format, args...)}
}

func usagef(format string, args ...any) error { return failf(errUsage, format, args...) }

// complain says in one line what went wrong.
func complain(w io.Writer, err error) {
	fmt.Fprintf(w, "scrapelog: %s\n", safe(err.Error()))
}

func unwrapPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
