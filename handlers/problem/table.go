package problem

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// refusals is the one table from refusals to HTTP. The first row that matches counts,
// so the more precise ones come first.
var refusals = []struct {
	err  error
	kind Kind
}{
	{domain.ErrNotFound, NotFound},
	{domain.ErrFinished, Finished},
	{domain.ErrConflict, Conflict},
	{domain.ErrInvalid, Invalid},
}

// statuses names the kinds of what echo and net/http refuse by themselves.
var statuses = map[int]Kind{
	http.StatusBadRequest:            Invalid,
	http.StatusForbidden:             Forbidden,
	http.StatusNotFound:              NotFound,
	http.StatusMethodNotAllowed:      WrongMethod,
	http.StatusRequestEntityTooLarge: TooLarge,
	http.StatusInternalServerError:   Internal,
	http.StatusServiceUnavailable:    Unavailable,
}

const internalDetail = "the service's log has the reason under this request's X-Request-Id"

// Of returns the document for err. An error without a row in the table is an internal
// error, whose text is only in the service's log.
func Of(err error) *Document {
	if d, ok := errors.AsType[*Document](err); ok {
		return d
	}
	if open, ok := errors.AsType[*domain.RunOpenError](err); ok {
		d := New(RunOpen, err.Error())
		d.RunID = open.RunID
		return d
	}
	if unavailable(err) {
		return New(Unavailable, "the database does not answer; try again") // err may name where it is
	}
	for _, row := range refusals {
		if errors.Is(err, row.err) {
			return withField(New(row.kind, detailOf(err)), err)
		}
	}
	if refused, ok := errors.AsType[*echo.HTTPError](err); ok {
		return ofStatus(refused)
	}
	return New(Internal, internalDetail)
}

// detailOf is what an error says without the name of the refusal that it wraps
// last: the title says that, and people have no use for ": conflict".
func detailOf(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+domain.ErrConflict.Error())
}

// unavailable reports whether it was the database that did not answer, also where
// a query met that before the store did: its connection is the only one that a
// request of ours needs.
func unavailable(err error) bool {
	return eventstore.Unreachable(err)
}

func withField(d *Document, err error) *Document {
	if field, ok := errors.AsType[*domain.FieldError](err); ok {
		d.Field = field.Field
	}
	return d
}

func ofStatus(refused *echo.HTTPError) *Document {
	kind, known := statuses[refused.Code]
	if !known {
		kind = Kind{Title: http.StatusText(refused.Code), Status: refused.Code}
	}
	switch kind {
	case Internal:
		return New(Internal, internalDetail)
	case NotFound:
		return New(NotFound, "there is no such route")
	case WrongMethod:
		return New(WrongMethod, "the Allow header lists what this route knows")
	case TooLarge:
		return New(TooLarge, "a body may have 1 MiB")
	}
	text, _ := refused.Message.(string)
	return New(kind, text)
}
