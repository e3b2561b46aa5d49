// Package problem turns refusals and failures into RFC 9457 problem documents, by the
// one table of this program.
//
// A document's type is a reference into the API description that this server serves.
package problem

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// ContentType is the media type of a problem document.
const ContentType = "application/problem+json"

// maxDetail bounds the part of a request that a refusal repeats, in bytes.
const maxDetail = 1024

// Kind is a kind of problem: its name, its title and its HTTP status.
type Kind struct {
	Name   string // its response in the API description; empty: the status says all there is
	Title  string // the same for every problem of the kind
	Status int
}

// The kinds. Clients branch on type or status, so neither may change.
var (
	Invalid      = Kind{"Invalid", "Invalid request", http.StatusBadRequest}
	Login        = Kind{"LoginNeeded", "Log in first", http.StatusUnauthorized}
	Role         = Kind{"RoleNeeded", "Not allowed for your role", http.StatusForbidden}
	TooOften     = Kind{"TooOften", "Too often", http.StatusTooManyRequests}
	Forbidden    = Kind{"Forbidden", "Not allowed from there", http.StatusForbidden}
	NotFound     = Kind{"NotFound", "Not found", http.StatusNotFound}
	WrongMethod  = Kind{"WrongMethod", "Method not allowed", http.StatusMethodNotAllowed}
	WrongType    = Kind{"WrongType", "Not JSON", http.StatusUnsupportedMediaType}
	Conflict     = Kind{"Conflict", "Not possible now", http.StatusConflict}
	RunOpen      = Kind{"RunOpen", "A run is open", http.StatusConflict}
	Finished     = Kind{"Finished", "The run has ended", http.StatusConflict}
	Late         = Kind{"", "Request timeout", http.StatusRequestTimeout}
	TooLarge     = Kind{"TooLarge", "Request too large", http.StatusRequestEntityTooLarge}
	TooMany      = Kind{"TooMany", "Too many streams", http.StatusTooManyRequests}
	Internal     = Kind{"Internal", "Internal error", http.StatusInternalServerError}
	Unavailable  = Kind{"Unavailable", "The log cannot be reached", http.StatusServiceUnavailable}
	Behind       = Kind{"Behind", "The projection is behind", http.StatusServiceUnavailable}
	NotReady     = Kind{"NotReady", "Not ready", http.StatusServiceUnavailable}
	ShuttingDown = Kind{"ShuttingDown", "Shutting down", http.StatusServiceUnavailable}
)

// Document is a problem document. A handler may return one as its error.
type Document struct {
	Type     string    `json:"type"`
	Title    string    `json:"title"`
	Status   int       `json:"status"`
	Detail   string    `json:"detail,omitempty"`
	Instance string    `json:"instance"` // the path of the request
	RunID    uuid.UUID `json:"run_id,omitzero"`
	Field    string    `json:"field,omitempty"` // the key or parameter that is wrong
	Reasons  []string  `json:"reasons,omitempty"`
	Warnings []string  `json:"warnings,omitempty"` // what is degraded beside the reasons
}

// New makes a document of a kind.
func New(k Kind, detail string) *Document {
	return &Document{Type: k.Type(), Title: k.Title, Status: k.Status, Detail: cut(detail)}
}

// Error implements error.
func (d *Document) Error() string { return d.Title + ": " + d.Detail }

// Type is the kind's URI reference, with its full path as RFC 9457 asks.
func (k Kind) Type() string {
	if k.Name == "" {
		return "about:blank"
	}
	return "/openapi.yaml#/components/responses/" + k.Name
}

// Write answers r with d, and says in it what r asked for.
func Write(w http.ResponseWriter, r *http.Request, d *Document) error {
	answer := *d
	answer.Instance = r.URL.EscapedPath()
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	if h.Get("Retry-After") == "" && (d.Status == http.StatusServiceUnavailable || d.Status == http.StatusTooManyRequests) {
		h.Set("Retry-After", "1")
	}
	if d.Status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", `Bearer realm="scrapelog"`)
	}
	w.WriteHeader(d.Status)
	_, err := w.Write(body.Bytes())
	return err
}

func cut(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	return domain.Cut(s, maxDetail) + "…"
}
