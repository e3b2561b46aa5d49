package command

import (
	"fmt"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// partOf gives a run's later events its correlation and, unless the command names a
// cause, the run's last event as their cause.
func (h *Handler) partOf(history []eventstore.Recorded, by domain.Origin) domain.Origin {
	if len(history) == 0 {
		return by
	}
	if by.Correlation == "" {
		by.Correlation = history[0].Metadata["correlation_id"]
	}
	if by.Causation == uuid.Nil {
		by.Causation = history[len(history)-1].ID
	}
	return by
}

// record completes the append of a decision with the events that it came to.
func (h *Handler) record(d decision, events []domain.Event, by domain.Origin) (decision, error) {
	if len(events) == 0 {
		return d, nil
	}
	d.change.Stream = events[0].Stream()
	for _, e := range events {
		id, err := uuid.NewV7()
		if err != nil {
			return d, fmt.Errorf("event id: %w", err)
		}
		d.change.Events = append(d.change.Events, eventstore.NewEvent{ID: id, Event: e, Metadata: h.metadata(id, e.Run(), by)})
	}
	return d, nil
}

// metadata returns the metadata of an event. The trace of an event that no request led
// to is that of its run.
func (h *Handler) metadata(id, run uuid.UUID, by domain.Origin) eventstore.Metadata {
	m := eventstore.Metadata{"actor": by.Actor, "instance": h.Instance(), "correlation_id": by.Correlation}
	if by.Correlation == "" {
		m["correlation_id"] = id.String()
	}
	if by.Causation != uuid.Nil {
		m["causation_id"] = by.Causation.String()
	}
	if traceparent := domain.Traceparent(by.Traceparent); traceparent != "" {
		m["traceparent"] = traceparent
	} else if run != uuid.Nil {
		m["traceparent"] = domain.RunTraceparent(run)
	}
	return m
}

// guardOf returns the guard that a decision is based on; for a scraper that was never
// configured, the zero guard with its name.
func guardOf(s domain.Scraper, name string) *domain.Guard {
	guard := s.Guard
	guard.Scraper = name
	return &guard
}
