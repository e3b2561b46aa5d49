package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/contract"
)

// The exit codes. Scripts depend on them.
const (
	exitOK          = 0   // success
	exitNegative    = 1   // the answer is no: a run did not complete, a proof does not hold, a check found something
	exitUsage       = 2   // wrong usage or an invalid configuration
	exitNotFound    = 3   // no such run, scraper, event, user …
	exitUnreachable = 4   // the database, the server or a file cannot be reached, or an address is in use
	exitDamaged     = 5   // the log is damaged
	exitRefused     = 6   // what is asked for may not be done now: the run has ended, another process holds the database …
	exitTimedOut    = 124 // --timeout is over
	exitInterrupted = 130 // interrupted
	exitReaderGone  = 141 // the reader of the output has gone, as the shell says of a program that SIGPIPE ended
)

// exitCodes maps errors to exit codes. The first line that matches counts: a file that
// is not a log is refused, although it is also unavailable.
var exitCodes = []struct {
	refusal error
	code    int
}{
	{term.ErrReaderGone, exitReaderGone},
	{term.ErrTimedOut, exitTimedOut},
	{term.ErrNegative, exitNegative},
	{term.ErrUsage, exitUsage},
	{proof.ErrDamaged, exitDamaged},
	{proof.ErrFalseProof, exitNegative},
	{term.ErrRefused, exitRefused},
	{eventstore.ErrForeign, exitRefused},
	{eventstore.ErrHeld, exitRefused},
	{eventstore.ErrIndirect, exitRefused},
	{eventstore.ErrUnavailable, exitUnreachable},
	{term.ErrUnreachable, exitUnreachable},
	{contract.ErrUnreachable, exitUnreachable},
	{domain.ErrInvalid, exitUsage},
	{domain.ErrNotFound, exitNotFound},
	{domain.ErrFinished, exitRefused},
	{domain.ErrConflict, exitRefused},
	{syscall.EADDRINUSE, exitUnreachable},
	{fs.ErrPermission, exitUnreachable},
}

// exitCode returns the exit code of the process. An error that no line names counts as
// an interrupt when the program was told to stop, else as unreachable.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	for _, line := range exitCodes {
		if errors.Is(err, line.refusal) {
			return line.code
		}
	}
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return exitUnreachable
}
