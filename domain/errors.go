package domain

import (
	"errors"
	"fmt"
)

// The refusals. Every error a decider returns wraps exactly one of them, so that
// HTTP and the command line each need one table.
var (
	// ErrNotFound: there is no such scraper, run or event.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the present state does not allow it.
	ErrConflict = errors.New("conflict")
	// ErrFinished: the run has ended already; its first end stands.
	ErrFinished = errors.New("run has ended")
	// ErrInvalid: the request can never be carried out in this form.
	ErrInvalid = errors.New("invalid")
)

// FieldError is an invalid value in a configuration: which key, what is wrong
// with it and what would be right. It wraps ErrInvalid.
type FieldError struct {
	Field   string // as written in the configuration: "probe.interval"
	Problem string // what is wrong, with the value
	Want    string // what would be right
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s: %s; %s", e.Field, e.Problem, e.Want) }

func (e *FieldError) Unwrap() error { return ErrInvalid }
