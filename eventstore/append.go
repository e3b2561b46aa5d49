package eventstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Append is a request to write events: all of them or none.
type Append struct {
	Stream   string
	Expected int64         // the stream's version; 0: it must not exist
	Guard    *domain.Guard // nil: not checked; else the scraper's guard row must equal it
	Events   []NewEvent    // all of this stream, and about one scraper
}

// Append writes the events at the end of their stream and of the log and moves
// the guard rows of their scrapers. It joins the transaction in ctx if there is
// one, which then holds the log's lock until it ends: append last. ErrConflict
// leaves such a transaction usable.
//
// Appends that come together share a transaction; a refusal fails only its own
// caller. Once begun, an append is not cut short by ctx. When a commit's answer
// is lost it is tried again with the same ids, which tells what became of it.
func (s *Store) Append(ctx context.Context, a Append) ([]Recorded, error) {
	if len(a.Events) == 0 {
		return nil, nil
	}
	r, err := s.newRequest(a)
	if err != nil {
		return nil, err
	}
	if _, joined := TxFrom(ctx); joined {
		if err := s.record(ctx, []*request{r}); err != nil {
			return nil, err
		}
		return r.recorded, r.refusal
	}
	return s.enqueue(ctx, r)
}

// request is an append that is being made.
type request struct {
	Append
	scraper  string     // whose guard the events move; empty: none
	records  []Recorded // the rows, without what is assigned under the lock
	metadata []string   // of the rows, as JSON
	run      uuid.UUID  // that the stream is of; zero: none
	move     guardMove  // PostgreSQL: of the scraper's guard
	settle   bool       // its ids may be in the log already

	told     chan told // to its caller; holds one
	answered bool
	recorded []Recorded
	refusal  error // of this append; the transaction goes on
	err      error // of the database
}

// answer tells the caller of the request that it was written or refused, or why not.
func (r *request) answer(err error) {
	r.err, r.answered = err, true
	r.told <- answered
}

func (s *Store) newRequest(a Append) (*request, error) {
	r := &request{Append: a, told: make(chan told, 1)}
	if a.Guard != nil {
		r.scraper = a.Guard.Scraper
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	for _, e := range a.Events {
		if err := r.add(e, now); err != nil {
			return nil, err
		}
	}
	if s.dialect == Postgres && r.scraper != "" {
		r.run, _ = domain.RunOfStream(r.Stream)
		r.move = moveOf(r.Guard, r.run, r.Events)
	}
	return r, nil
}

func (r *request) add(e NewEvent, now time.Time) error {
	if e.Event.Stream() != r.Stream {
		return fmt.Errorf("%w: %s belongs to stream %q, not %q", domain.ErrInvalid, e.Event.EventType(), e.Event.Stream(), r.Stream)
	}
	switch name := e.Event.ScraperName(); {
	case name == "" || name == r.scraper:
	case r.scraper == "":
		r.scraper = name
	default:
		return fmt.Errorf("%w: an append is about scraper %q and about %q", domain.ErrInvalid, r.scraper, name)
	}
	data, err := domain.Encode(e.Event)
	if err != nil {
		return err
	}
	if e.ID == uuid.Nil {
		e.ID = uuid.Must(uuid.NewV7())
	} else {
		r.settle = true
	}
	if e.Metadata == nil {
		e.Metadata = Metadata{}
	}
	metadata, err := json.Marshal(e.Metadata)
	if err != nil {
		return err
	}
	r.metadata = append(r.metadata, string(metadata))
	r.records = append(r.records, Recorded{Stream: r.Stream, Version: r.Expected + int64(len(r.records)) + 1, ID: e.ID, Type: e.Event.EventType(), RecordedAt: now, Data: data, Metadata: e.Metadata})
	return nil
}

// accept fills in what is assigned under the lock: the rows follow a position, and are
// not recorded before a time.
func (r *request) accept(after int64, notBefore time.Time) {
	r.recorded, r.refusal = make([]Recorded, len(r.records)), nil
	for i, record := range r.records {
		record.Position = after + int64(i) + 1
		if record.RecordedAt.Before(notBefore) { // by a clock that was set back, or is slower than another instance's
			record.RecordedAt = notBefore
		}
		r.recorded[i] = record
	}
}

// refuse says why the request cannot be accepted, when its stream is at version.
func (r *request) refuse(version int64) {
	r.recorded = nil
	if version != r.Expected {
		r.refusal = fmt.Errorf("stream %s is at version %d, not %d: %w", r.Stream, version, r.Expected, ErrConflict)
	} else {
		r.refusal = fmt.Errorf("guard of scraper %s: %w", r.scraper, ErrConflict)
	}
}
