package webtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

func (s *Service) Read(_ context.Context, q eventstore.Query) ([]eventstore.Recorded, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	var found []eventstore.Recorded
	for _, rec := range s.Recorded {
		if rec.Position > q.After && (q.Until == 0 || rec.Position <= q.Until) && (q.Stream == "" || q.Stream == rec.Stream) &&
			(len(q.Types) == 0 || slices.Contains(q.Types, rec.Type)) {
			found = append(found, rec)
		}
	}
	if q.Backward {
		slices.Reverse(found)
	}
	found = found[:min(len(found), q.Limit)]
	for i := range found {
		if !(eventstore.Query{Bytes: q.Bytes}).Last(found[:i+1]) {
			return found[:i+1], s.Err
		}
	}
	return found, s.Err
}

func (s *Service) ByPosition(_ context.Context, position int64) (eventstore.Recorded, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	if position < 1 || position > int64(len(s.Recorded)) {
		return eventstore.Recorded{}, fmt.Errorf("event at position %d: %w", position, domain.ErrNotFound)
	}
	return s.Recorded[position-1], s.Err
}

func (s *Service) ByID(_ context.Context, id uuid.UUID) (eventstore.Recorded, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	for _, rec := range s.Recorded {
		if rec.ID == id {
			return rec, s.Err
		}
	}
	return eventstore.Recorded{}, fmt.Errorf("event %s: %w", id, domain.ErrNotFound)
}

func (s *Service) Head(context.Context) (int64, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	return int64(len(s.Recorded)), s.Err
}

func (s *Service) FirstSince(_ context.Context, t time.Time) (int64, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	before := slices.IndexFunc(s.Recorded, func(r eventstore.Recorded) bool { return !r.RecordedAt.Before(t) })
	if before < 0 {
		before = len(s.Recorded)
	}
	return int64(before) + 1, s.Err
}

// ChangedSince is the state of the story, for a hub of live updates.
func (s *Service) ChangedSince(ctx context.Context, position int64) (projections.Changes, error) {
	head := int64(len(s.Recorded))
	if position > 0 {
		return projections.Changes{Position: position}, nil
	}
	counts, err := s.Counts(ctx)
	if err != nil {
		return projections.Changes{}, err
	}
	losses, err := s.Losses(ctx)
	return projections.Changes{State: true, Runs: s.Rows, Scrapers: s.Named, Counts: counts, Losses: losses, Position: head}, err
}
